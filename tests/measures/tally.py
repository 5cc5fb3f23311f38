"""Which parts of the schema operations have used with success, from what was asked and answered.

Parts are written `Type.field`, `Type.field(argument:)`, `Input.field`, `Enum.VALUE`; a code in the
`extensions` of errors as `extensions.code CODE`. A field counts once its value was not null, an
argument and what is in it once its field counts, in a mutation only when the payload has no errors.
"""

# Values are any JSON, and graphql-core's types are generic in what is of no interest here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    get_named_type,
    get_operation_ast,
    is_abstract_type,
    parse,
    value_from_ast_untyped,
)

from tests.selections import SCHEMA

Fields = dict[str, list[FieldNode]]


class Asked(NamedTuple):
    """An operation that a client asked for."""

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None


class Tally:
    """The parts that were used."""

    def __init__(self, schema: GraphQLSchema | None = SCHEMA) -> None:
        """Without a schema codes of errors count alone."""
        self.seen: set[str] = set()
        self._schema = schema

    def note(self, asked: Asked | None, answer: Any) -> None:
        """Note an answer, or one event of a subscription, in the form that clients get."""
        if not isinstance(answer, dict):
            return
        for error in answer.get("errors") or ():
            self.seen.add(f"extensions.code {error.get('extensions', {}).get('code')}")
        data = answer.get("data")
        operation = _operation(asked.query, asked.operation_name) if asked else None
        if self._schema and asked and operation and isinstance(data, dict):
            root = self._schema.get_root_type(operation.definition.operation)
            walk = _Walk(self._schema, self.seen, operation.fragments, asked.variables)
            walk.object(data, root, [operation.definition.selection_set])


class _Operation(NamedTuple):
    definition: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]


@lru_cache
def _operation(query: str, name: str | None) -> _Operation | None:
    """What a document asks for; None when it cannot be said."""
    try:
        document: DocumentNode = parse(query)
    except GraphQLError:
        return None
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    definition = get_operation_ast(document, name)
    return _Operation(definition, fragments) if definition else None


@dataclass(frozen=True)
class _Walk:
    """Goes through an answer and the selections that asked for it."""

    schema: GraphQLSchema
    seen: set[str]
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]

    def object(
        self, value: dict[str, Any], static: Any, selections: Sequence[SelectionSetNode]
    ) -> None:
        """Note an object of a type, an abstract one maybe."""
        kind = self._kind(value, static, selections)
        for key, nodes in self._collect(kind, selections).items():
            field = getattr(kind, "fields", {}).get(nodes[0].name.value)
            if field is None or value.get(key) is None:
                continue
            name = f"{kind.name}.{nodes[0].name.value}"
            self.seen.add(name)
            if kind is not self.schema.mutation_type or not value[key].get("errors"):
                self._arguments(name, field, nodes[0])
            self._value(value[key], get_named_type(field.type), nodes)

    def _value(self, value: Any, kind: GraphQLNamedType, nodes: Sequence[FieldNode]) -> None:
        if isinstance(value, list):
            for item in value:
                self._value(item, kind, nodes)
        elif isinstance(kind, GraphQLEnumType):
            self.seen.add(f"{kind.name}.{value}")
        elif isinstance(value, dict) and (below := [n.selection_set for n in nodes]):
            self.object(value, kind, [each for each in below if each])

    def _arguments(self, name: str, field: Any, node: FieldNode) -> None:
        for argument in node.arguments or ():
            value = value_from_ast_untyped(argument.value, dict(self.variables))
            if value is Undefined:
                continue
            self.seen.add(f"{name}({argument.name.value}:)")
            self._given(value, get_named_type(field.args[argument.name.value].type))

    def _given(self, value: Any, kind: Any) -> None:
        """Note what stands in an argument."""
        if isinstance(value, list):
            for item in value:
                self._given(item, kind)
        elif isinstance(kind, GraphQLEnumType):
            self.seen.add(f"{kind.name}.{value}")
        elif isinstance(kind, GraphQLInputObjectType) and isinstance(value, dict):
            for key, inner in value.items():
                self.seen.add(f"{kind.name}.{key}")
                self._given(inner, get_named_type(kind.fields[key].type))

    def _kind(self, value: dict[str, Any], static: Any, selections: Any) -> Any:
        """The type of an object: by its `__typename`, or the one whose fields it has.

        The abstract type itself when several types fit.
        """
        if not is_abstract_type(static):
            return static
        possible: list[GraphQLObjectType] = list(self.schema.get_possible_types(static))
        fitting = [kind for kind in possible if self._fits(value, kind, selections)]
        return fitting[0] if len(fitting) == 1 else static

    def _fits(self, value: dict[str, Any], kind: GraphQLObjectType, selections: Any) -> bool:
        fields = self._collect(kind, selections)
        names = (value.get(key) for key, nodes in fields.items() if _is_typename(nodes[0]))
        return fields.keys() == value.keys() and all(name == kind.name for name in names)

    def _collect(self, kind: Any, selections: Sequence[SelectionSetNode]) -> Fields:
        """The fields that are selected of a type, by the key that they have in the answer."""
        found: Fields = {}
        for selection_set in selections:
            for node in self._selected(kind, selection_set):
                found.setdefault((node.alias or node.name).value, []).append(node)
        return found

    def _selected(self, kind: Any, selection_set: SelectionSetNode) -> Iterator[FieldNode]:
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                yield node
                continue
            inner: Any = node
            if not isinstance(node, InlineFragmentNode):
                inner = self.fragments[inner.name.value]
            condition = inner.type_condition
            if condition is None or self._applies(condition.name.value, kind):
                yield from self._selected(kind, inner.selection_set)

    def _applies(self, condition: str, kind: Any) -> bool:
        named: Any = self.schema.type_map[condition]
        return named is kind or (is_abstract_type(named) and self.schema.is_sub_type(named, kind))


def _is_typename(node: FieldNode) -> bool:
    return node.name.value == "__typename"
