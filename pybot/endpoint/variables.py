"""What is wrong with the variables of an operation, in words for those who send them.

graphql-core checks the same while it executes, but speaks of its own values, repeats whatever was
given, and says nowhere which argument it means. Here each error names the place in its message and
as `extensions.argument`.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, cast

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    is_required_input_field,
    utilities,
)

from pybot.endpoint.masking import BAD_INPUT

# A client that sends nonsense learns nothing more from a longer list.
_MAX_PROBLEMS = 10
_MAX_NAME = 60

# What a value of a built-in scalar must be.
_KINDS = {
    "String": "must be a string",
    "ID": "must be a string or a whole number",
    "Int": "must be a whole number of 32 bits",
    "Float": "must be a finite number",
    "Boolean": "must be true or false",
}

Path = tuple[str | int, ...]
Problem = tuple[Path, str]


def check_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, values: Mapping[str, Any] | None
) -> tuple[GraphQLError, ...]:
    """What is wrong with the values that an operation's variables are given, if anything."""
    errors = (
        input_error(path, words, definition)
        for definition in operation.variable_definitions or ()
        for path, words in _variable(schema, definition, values or {})
    )
    return tuple(islice(errors, _MAX_PROBLEMS))


def input_error(
    path: Path, words: str, definition: VariableDefinitionNode | None = None
) -> GraphQLError:
    """The error of a value within the variables."""
    return GraphQLError(
        f"`{_shown(path)}` {words}.",
        definition,
        extensions={"code": BAD_INPUT, "argument": [_cut(str(step)) for step in path]},
    )


def _shown(path: Path) -> str:
    """A place as in `$input.items[0].text`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{_cut(step)}" for step in path)
    return "$" + "".join(steps)[1:]


def _cut(name: str) -> str:
    name = name.encode(errors="replace").decode()
    return name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}…"


def _variable(
    schema: GraphQLSchema, definition: VariableDefinitionNode, values: Mapping[str, Any]
) -> Iterator[Problem]:
    name = definition.variable.name.value
    kind: Any = utilities.type_from_ast(schema, definition.type)  # generic beyond interest
    value = values.get(name, Undefined)
    if value is Undefined:
        if isinstance(kind, GraphQLNonNull) and definition.default_value is None:
            yield (name,), "is required"
    elif kind is not None:
        yield from _value(kind, value, (name,))


def _value(kind: Any, value: Any, path: Path) -> Iterator[Problem]:
    if isinstance(kind, GraphQLNonNull):
        if value is None:
            yield path, "must not be null"
        else:
            yield from _value(kind.of_type, value, path)
    elif value is None:
        return
    elif isinstance(kind, GraphQLList):
        # Lists take a single value as a list of one.
        items: Any = value
        if isinstance(value, list):
            for index, item in enumerate(items):
                yield from _value(kind.of_type, item, (*path, index))
        else:
            yield from _value(kind.of_type, value, path)
    elif isinstance(kind, GraphQLInputObjectType):
        yield from _object(kind, value, path)
    elif words := _leaf(kind, value):
        yield path, words


def _object(kind: GraphQLInputObjectType, value: Any, path: Path) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield path, "must be an object"
        return
    given = cast("dict[str, Any]", value)
    for name in given:
        if name not in kind.fields:
            yield (*path, name), f"is not known: `{kind.name}` has no such field"
    is_one_of = _is_one_of(kind)
    if is_one_of and len(given) != 1:
        yield path, f"must have exactly one of {_listed(kind.fields)}"
        return
    for name, field in kind.fields.items():
        if name in given:
            if is_one_of and given[name] is None:
                yield (*path, name), "must not be null"
            yield from _value(field.type, given[name], (*path, name))
        elif is_required_input_field(field):
            yield (*path, name), "is required"


def _is_one_of(kind: GraphQLInputObjectType) -> bool:
    """Whether a type is `@oneOf`, which Strawberry has in its own definition alone."""
    return bool(getattr(kind.extensions.get("strawberry-definition"), "is_one_of", kind.is_one_of))


def _leaf(kind: GraphQLScalarType | GraphQLEnumType, value: Any) -> str | None:
    """What is wrong with the value of a scalar or an enum."""
    if isinstance(kind, GraphQLEnumType):
        is_known = isinstance(value, str) and value in kind.values
        return None if is_known else f"must be one of {_listed(kind.values)}"
    try:
        kind.coerce_input_value(value)
    except Exception as error:
        # Scalars of our own say in a sentence what they take.
        return _KINDS.get(kind.name) or f"is no {kind.name}: {str(error).rstrip('.')}"
    return None


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(f"`{name}`" for name in names)
