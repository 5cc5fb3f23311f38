"""How much a GraphQL document asks for: depth, aliases, directives, fields and cost.

Each fragment is counted once and remembered, so the work is linear in the document, however often
fragments name one another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
)

from pybot.endpoint.limits import QueryLimits

_PAGE_ARGUMENTS = ("first", "last")
_LIST_ARGUMENT = "ids"

# Levels of braces and fragments, far below Python's own limit of nested calls.
_MAX_NESTING = 100


class NestedTooDeeply(Exception):
    """The document has more levels of braces than are counted."""


@dataclass
class Complexity:
    """What a selection asks for. `varies` says that variables decide on its cost."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    fields: int = 0
    cost: int = 0
    varies: bool = False

    def add(self, other: "Complexity", *, cost: bool = True) -> None:
        """Add what a selection beside it asks for; with `cost` False all but the cost."""
        self.depth = max(self.depth, other.depth)
        self.aliases += other.aliases
        self.directives += other.directives
        self.fields += other.fields
        self.cost += other.cost if cost else 0
        self.varies = self.varies or other.varies


@dataclass
class ComplexityCounter:
    """Counts what selections ask for. Without `variables`, sizes that they decide count as one."""

    schema: GraphQLSchema
    limits: QueryLimits
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any] | None = None
    known: dict[str, Complexity] = field(default_factory=dict[str, Complexity])
    open: set[str] = field(default_factory=set[str])
    level: int = 0

    def selections(
        self, selection_set: SelectionSetNode | None, parent: GraphQLNamedType | None
    ) -> Complexity:
        """All in braces; of types that exclude each other, the one of the highest cost counts."""
        if self.level > _MAX_NESTING:
            raise NestedTooDeeply
        self.level += 1
        total = Complexity()
        exclusive: dict[str, int] = {}
        for node in selection_set.selections if selection_set else ():
            complexity, condition = self.selection(node, parent)
            complexity.directives += len(node.directives or ())
            only = condition is not parent and isinstance(condition, GraphQLObjectType)
            total.add(complexity, cost=not only)
            if only and condition is not None:
                exclusive[condition.name] = exclusive.get(condition.name, 0) + complexity.cost
        total.cost += max(exclusive.values(), default=0)
        self.level -= 1
        return total

    def selection(
        self, node: SelectionNode, parent: GraphQLNamedType | None
    ) -> tuple[Complexity, GraphQLNamedType | None]:
        """One selection, and the type that it is for."""
        if isinstance(node, FieldNode):
            return self.field(node, parent), parent
        if isinstance(node, InlineFragmentNode):
            name = node.type_condition.name.value if node.type_condition else None
            condition = self.schema.type_map.get(name) if name else parent
            return self.selections(node.selection_set, condition), condition
        if isinstance(node, FragmentSpreadNode):
            return self.fragment(node.name.value)
        return Complexity(), parent

    def fragment(self, name: str) -> tuple[Complexity, GraphQLNamedType | None]:
        """A named fragment. Unknown and circular ones count nothing: validation refuses them."""
        definition = self.fragments.get(name)
        if definition is None or name in self.open:
            return Complexity(), None
        condition = self.schema.type_map.get(definition.type_condition.name.value)
        if name not in self.known:
            self.open.add(name)
            self.known[name] = self.selections(definition.selection_set, condition)
            self.open.discard(name)
        return Complexity(**vars(self.known[name])), condition

    def field(self, node: FieldNode, parent: GraphQLNamedType | None) -> Complexity:
        """A field with all that is below it."""
        name = node.name.value
        definition = _field_of(parent, name)
        below = self.selections(node.selection_set, _type_of(definition))
        below.aliases += 1 if node.alias else 0
        below.fields += 1
        if name.startswith("__"):
            # Introspection has limits of its own (graphql-core's MaxIntrospectionDepthRule); each
            # costs so much that aliases cannot ask for it many times over.
            below.depth, below.fields = 0, 1
            below.cost = 1 if name == "__typename" else max(self.limits.cost // 5, 1)
            return below
        below.depth += 1 if node.selection_set else 0
        if below.cost:
            size, varies = self.size(node, definition)
            below.cost = 1 + size * below.cost
            below.varies = below.varies or varies
        else:
            below.cost = 1
        return below

    def size(self, node: FieldNode, definition: GraphQLField | None) -> tuple[int, bool]:
        """How many objects a field gives at most, and whether variables decide on it."""
        sizes: list[int] = []
        varies = False
        for argument in node.arguments or ():
            if argument.name.value in (*_PAGE_ARGUMENTS, _LIST_ARGUMENT):
                given = self.given(argument.value)
                varies = varies or isinstance(argument.value, VariableNode)
                if given is not None:
                    sizes.append(given)
        if sizes:
            return max(1, *sizes), varies
        if varies and self.variables is None:
            return 1, True
        return self.default_size(definition), varies

    def given(self, value: ValueNode) -> int | None:
        """The size that an argument asks for; None when it asks for none."""
        if isinstance(value, VariableNode):
            raw = self.variables.get(value.name.value) if self.variables is not None else None
        elif isinstance(value, ListValueNode):
            return len(value.values)
        elif isinstance(value, IntValueNode):
            # Longer numbers are no 32-bit integers, and slow to read.
            raw = int(value.value) if len(value.value) < 12 else self.limits.page_size
        else:
            raw = None
        if isinstance(raw, list):
            return len(raw)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        if isinstance(raw, (int, float)) and not isinstance(raw, bool):
            return int(min(raw, self.limits.page_size))
        return None

    def default_size(self, definition: GraphQLField | None) -> int:
        """The size of a page when the query gives none; 1 for fields without pages."""
        if definition is None or not any(name in definition.args for name in _PAGE_ARGUMENTS):
            return 1
        default = getattr(definition.args.get("first"), "default_value", None)
        return default if type(default) is int else self.limits.default_page_size


def _field_of(parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
    if isinstance(parent, (GraphQLObjectType, GraphQLInterfaceType)):
        fields: Mapping[str, GraphQLField] = parent.fields
        return fields.get(name)
    return None


def _type_of(definition: GraphQLField | None) -> GraphQLNamedType | None:
    return get_named_type(cast("GraphQLType", definition.type)) if definition else None


def counter_for(
    schema: GraphQLSchema, document: DocumentNode, limits: QueryLimits
) -> ComplexityCounter:
    """A counter that knows the document's fragments."""
    fragments = {
        node.name.value: node
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    return ComplexityCounter(schema, limits, fragments)


def complexity_of(counter: ComplexityCounter, operation: OperationDefinitionNode) -> Complexity:
    """What an operation asks for."""
    complexity = counter.selections(
        operation.selection_set, counter.schema.get_root_type(operation.operation)
    )
    complexity.directives += len(operation.directives or ())
    return complexity


def size_variables(
    operation: OperationDefinitionNode, variables: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The variables of an operation, its own defaults where none is given."""
    values: dict[str, Any] = {}
    for definition in operation.variable_definitions or ():
        default = definition.default_value
        if isinstance(default, IntValueNode):
            values[definition.variable.name.value] = int(default.value[:10])
    return {**values, **(variables or {})}
