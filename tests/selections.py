"""Selections made from the schema: every field of a type, so that new ones are asked for too."""

# graphql-core's types are generic in what is of no interest here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from pathlib import Path
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)

SCHEMA = build_schema((Path(__file__).parents[1] / "schema.graphql").read_text())
REFERENCE = "{ __typename id }"


def every_field(name: str) -> str:
    """Every field of a type that needs no argument, in braces.

    What has an ID of its own is selected as a reference; all else whole. Of an interface, every
    field of each type that it may be.
    """
    kind: Any = SCHEMA.type_map[name]
    if is_abstract_type(kind):
        possible = SCHEMA.get_possible_types(kind)
        parts = (f"... on {each.name} {every_field(each.name)}" for each in possible)
    else:
        assert isinstance(kind, GraphQLObjectType)
        parts = (_field(key, field) for key, field in kind.fields.items() if not _needs(field))
    return f"{{ __typename {' '.join(parts)} }}"


def possible_types(name: str) -> set[str]:
    """The types that have an interface."""
    kind = SCHEMA.type_map[name]
    assert isinstance(kind, GraphQLInterfaceType)
    return {each.name for each in SCHEMA.get_possible_types(kind)}


def _field(key: str, field: Any) -> str:
    kind: Any = get_named_type(field.type)
    if is_leaf_type(kind):
        return key
    return f"{key} {REFERENCE if 'id' in kind.fields else every_field(kind.name)}"


def _needs(field: Any) -> bool:
    return any(isinstance(argument.type, GraphQLNonNull) for argument in field.args.values())
