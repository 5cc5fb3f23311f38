"""What is wrong with arguments once variables have their values: nulls, and fields left out.

Whether a variable may be null where it is used shows only when its value is known; graphql-core
finds out while it executes, since fields that are skipped need no arguments.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    NullValueNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    visit,
)
from typing_extensions import override

from pybot.endpoint.input_values import Problem, input_error
from pybot.endpoint.literals import Literals
from pybot.endpoint.masking import BAD_INPUT


def argument_error(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    error: GraphQLError,
) -> GraphQLError | None:
    """The error of execution with the argument that it is about; None when that is not found."""
    nodes = error.nodes or ()
    if not nodes:
        return None
    types = TypeInfo(schema)
    finder = _Finder(types, _GivenValues(operation, variables), nodes[0])
    visit(document, TypeInfoVisitor(types, finder))
    if finder.problem is None:
        return None
    path, words = finder.problem
    found = input_error(path, words, BAD_INPUT, sign="")
    return GraphQLError(found.message, nodes, path=error.path, extensions=found.extensions)


class _GivenValues(Literals):
    """Literals in which variables have values; these fit the types of their variables."""

    def __init__(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> None:
        self._values = dict(variables)
        for definition in operation.variable_definitions or ():
            default = definition.default_value
            if default is not None:
                value = None if isinstance(default, NullValueNode) else default
                self._values.setdefault(definition.variable.name.value, value)

    @override
    def is_variable(self, value: Any) -> bool:
        return super().is_variable(value) and not self.is_null(value)

    @override
    def is_null(self, value: Any) -> bool:
        if isinstance(value, VariableNode):
            return self._values.get(value.name.value) is None
        return super().is_null(value)

    @override
    def fields(self, value: Any) -> Sequence[tuple[str, Any]] | None:
        fields = super().fields(value)
        return fields and [each for each in fields if not self._is_left_out(each[1])]

    def _is_left_out(self, value: Any) -> bool:
        return isinstance(value, VariableNode) and value.name.value not in self._values


class _Finder(Visitor):
    """Finds the first problem of the field or the directive that a node is part of."""

    def __init__(self, types: TypeInfo, values: _GivenValues, wanted: Node) -> None:
        super().__init__()
        self.problem: Problem | None = None
        self._types = types
        self._values = values
        self._wanted = wanted

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """Check the arguments of a field."""
        field = self._types.get_field_def()
        if field is not None:
            self._check(node, field.args)

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        """Check the arguments of a directive."""
        directive = self._types.get_directive()
        if directive is not None:
            self._check(node, directive.args)

    def _check(self, node: FieldNode | DirectiveNode, definitions: Mapping[str, Any]) -> None:
        for argument in node.arguments or ():
            name = argument.name.value
            if self.problem is None and name in definitions and self._is_wanted(node, argument):
                kind = definitions[name].type
                self.problem = next(self._values.problems(kind, argument.value, (name,)), None)

    def _is_wanted(self, node: FieldNode | DirectiveNode, argument: ArgumentNode) -> bool:
        """Whether the error points at the field or the directive, or into the argument."""
        return self._wanted is node or _is_inside(self._wanted, argument)


def _is_inside(node: Node, other: Node) -> bool:
    """Whether a node begins in the text of another one, or is the other one."""
    if node.loc is None or other.loc is None:
        return False
    return other.loc.start <= node.loc.start < other.loc.end
