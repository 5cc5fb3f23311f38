"""The places of a schema that take IDs and those that give them, found by introspection."""

# graphql-core's types are generic in what is of no interest here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
)
from graphql.type import is_required_argument

ROOTS = {"Query": "query", "Mutation": "mutation", "Subscription": "subscription"}
# What operations are given beside an ID, by the name of its place. What is required and is not
# here fails with its name.
BESIDE: dict[str, Any] = {
    "text": "hello",
    "title": "changed",
    "instructions": "changed",
    "pinned": True,
    "archived": False,
    "idempotencyKey": "a key",
}

# What is asked for beside IDs: why something is refused, and where an event stands.
BESIDE_IDS = ("code", "path", "message", "cursor")


@dataclass(frozen=True)
class Place:
    """An argument of a root field, or a field of its input, that takes an ID or a list of them."""

    root: str
    field: str
    path: tuple[str, ...]
    is_list: bool
    # The type of the objects that it names; "Node" for any.
    kind: str

    def __str__(self) -> str:
        return f"{self.field}({'.'.join(self.path)})"


@dataclass(frozen=True)
class Operation:
    """An operation with an ID in one place; `variables` gives its variables for an ID."""

    place: Place
    document: str
    given: Mapping[str, Any]

    def variables(self, global_id: str) -> dict[str, Any]:
        """The variables with an ID in the place."""
        *outer, last = self.place.path
        variables: dict[str, Any] = _copied(self.given)
        inner = variables
        for name in outer:
            inner = inner.setdefault(name, {})
        inner[last] = [global_id] if self.place.is_list else global_id
        return variables


def fields_of(kind: GraphQLNamedType) -> dict[str, GraphQLField]:
    """The fields of an object or an interface; none for other types."""
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        fields: dict[str, GraphQLField] = kind.fields
        return fields
    return {}


def places(schema: GraphQLSchema) -> list[Place]:
    """Every place of the root fields that takes an ID."""
    return [
        Place(root, name, path, is_list, _kind(schema, path[-1], field))
        for root in ROOTS
        for name, field in fields_of(schema.type_map[root]).items()
        for path, is_list in _taking(field.args)
    ]


def places_elsewhere(schema: GraphQLSchema) -> list[str]:
    """Fields below the roots that take IDs, which nothing here reaches."""
    return [
        f"{kind.name}.{name}"
        for kind in schema.type_map.values()
        if kind.name not in ROOTS and not kind.name.startswith("__")
        for name, field in fields_of(kind).items()
        if any(_taking(field.args))
    ]


def givers(schema: GraphQLSchema) -> set[tuple[str, str]]:
    """Every field of an object that gives an ID or a list of them, as (type, field)."""
    return {
        (kind.name, name)
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in fields_of(kind).items()
        if get_named_type(field.type).name == "ID"
    }


def operations(
    schema: GraphQLSchema, place: Place, more: Mapping[str, Any], *, asked: str | None = None
) -> list[Operation]:
    """The operation of a place with what is required beside it, and with all that is known.

    It asks for all IDs, unless `asked` says for what.
    """
    field = fields_of(schema.type_map[place.root])[place.field]
    known = BESIDE | dict(more)
    found: list[Operation] = []
    for everything in (False, True):
        given = _given(field.args, place.path, known, everything=everything)
        declared = ", ".join(
            f"${name}: {field.args[name].type}" for name in {place.path[0]: 0} | given
        )
        passed = ", ".join(f"{name}: ${name}" for name in {place.path[0]: 0} | given)
        wanted = asked or selection(schema, get_named_type(field.type))
        document = f"{ROOTS[place.root]}({declared}) {{ {place.field}({passed}) {{ {wanted} }} }}"
        operation = Operation(place, document, given)
        if operation not in found:
            found.append(operation)
    return found


def selection(schema: GraphQLSchema, kind: GraphQLNamedType, *outer: str) -> str:
    """All IDs of a type, those of other nodes in it too; nodes are not entered."""
    if is_abstract_type(kind):
        possible = schema.get_possible_types(kind)
        return "__typename" + "".join(
            f" ... on {each.name} {{ {selection(schema, each, *outer)} }}" for each in possible
        )
    asked = ["__typename"]
    for name, field in fields_of(kind).items():
        below = get_named_type(field.type)
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        if below.name == "ID" or (name in BESIDE_IDS and is_leaf_type(below)):
            asked.append(name)
        elif _is_node(schema, below):
            asked.append(f"{name} {{ __typename id }}")
        elif fields_of(below) or is_abstract_type(below):
            page = "(last: 20)" if "last" in field.args else ""
            if below.name in outer:
                continue
            inside = selection(schema, below, *outer, below.name)
            if inside != "__typename":  # what gives no ID may go by one name in several types
                asked.append(f"{name}{page} {{ {inside} }}")
    return " ".join(asked)


def gather(places: set[tuple[str, str]], data: Any) -> Iterator[tuple[tuple[str, str], str]]:
    """The IDs in an answer that names its types, each with the (type, field) that gave it."""
    if isinstance(data, list):
        for each in data:
            yield from gather(places, each)
    elif isinstance(data, dict):
        for name, value in data.items():
            place = (data.get("__typename", ""), name)
            if place in places:
                values = value if isinstance(value, list) else [value]
                yield from ((place, each) for each in values if each is not None)
            yield from gather(places, value)


def _taking(arguments: Mapping[str, Any], *outer: str) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The places among arguments, or among the fields of an input, that take IDs."""
    for name, argument in arguments.items():
        kind = get_named_type(argument.type)
        if isinstance(kind, GraphQLInputObjectType):
            yield from _taking(kind.fields, *outer, name)
        elif kind.name == "ID":
            yield (*outer, name), _is_list(argument.type)


def _given(
    arguments: Mapping[str, Any],
    path: tuple[str, ...],
    known: Mapping[str, Any],
    *,
    everything: bool,
) -> dict[str, Any]:
    """Values for the other arguments, or fields of an input, beside a place."""
    given: dict[str, Any] = {}
    for name, argument in arguments.items():
        kind = get_named_type(argument.type)
        if name == path[0]:
            if isinstance(kind, GraphQLInputObjectType):
                more = everything and not kind.is_one_of
                given[name] = _given(kind.fields, path[1:], known, everything=more)
        elif isinstance(argument.type, GraphQLNonNull) or (everything and name in known):
            given[name] = known[name]
    return given


def _kind(schema: GraphQLSchema, name: str, field: GraphQLField) -> str:
    """The type of what a place names: `runId` a Run; `id` what the field gives."""
    if name in ("id", "ids"):
        return get_named_type(field.type).name
    noun = name.removesuffix("s").removesuffix("Id")
    kind = noun[:1].upper() + noun[1:]
    assert kind in schema.type_map, f"nobody knows what `{name}` is the ID of"
    return kind


def _is_node(schema: GraphQLSchema, kind: GraphQLNamedType) -> bool:
    node = schema.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    if is_abstract_type(kind):
        return all(schema.is_sub_type(node, each) for each in schema.get_possible_types(kind))
    return isinstance(kind, GraphQLObjectType) and schema.is_sub_type(node, kind)


def _is_list(kind: Any) -> bool:
    return is_list_type(kind) or is_list_type(getattr(kind, "of_type", None))


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copied(each) for name, each in value.items()}
    return value
