"""What is wrong with the arguments in a document, as far as it can be said without variables."""

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    GraphQLError,
    GraphQLScalarType,
    KnownArgumentNamesRule,
    ListValueNode,
    Node,
    NullValueNode,
    ObjectFieldNode,
    ObjectValueNode,
    ProvidedRequiredArgumentsRule,
    Undefined,
    UniqueArgumentNamesRule,
    UniqueInputFieldNamesRule,
    ValidationRule,
    ValuesOfCorrectTypeRule,
    VariableDefinitionNode,
    VariableNode,
    Visitor,
    is_input_type,  # pyright: ignore[reportUnknownVariableType]  # lists are of anything
    is_required_argument,
    specified_rules,
    utilities,
    visit,
)
from typing_extensions import override

from pybot.endpoint.input_values import SCALAR_REQUIREMENTS, InputValues, Path, input_error

VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"


class ArgumentsRule(ValidationRule):
    """Takes the place of graphql-core's rules about arguments and values."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        """Check the arguments of a field."""
        field, parent = self.context.get_field_def(), self.context.get_parent_type()
        if field is not None and parent is not None:
            owner = f"the field `{parent.name}.{node.name.value}`"
            self._check(node, node.arguments, field.args, owner)

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        """Check the arguments of a directive."""
        directive = self.context.get_directive()
        if directive is not None:
            self._check(node, node.arguments, directive.args, f"the directive `@{directive.name}`")

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> None:
        """Check the default value of a variable."""
        kind: Any = utilities.type_from_ast(self.context.schema, node.type)
        if node.default_value is None or not is_input_type(kind):
            return  # other rules refuse types that are not known, or no inputs
        for path, words in _LITERALS.problems(
            kind, node.default_value, (node.variable.name.value,)
        ):
            self.report_error(input_error(path, words, VALIDATION_FAILED, node))

    def _check(
        self,
        node: Node,
        arguments: Sequence[ArgumentNode] | None,
        definitions: Mapping[str, Any],  # GraphQLArgument, whose generic type adds nothing
        owner: str,
    ) -> None:
        given: set[str] = set()
        for argument in arguments or ():
            name = argument.name.value
            if name in given:
                self._report((name,), "is given twice", argument)
            elif name not in definitions:
                self._report((name,), f"is not known: {owner} has no such argument", argument)
            else:
                kind = definitions[name].type
                for path, words in _LITERALS.problems(kind, argument.value, (name,)):
                    self._report(path, words, argument)
            given.add(name)
        for name, definition in definitions.items():
            if name not in given and is_required_argument(definition):
                self._report((name,), f"is required by {owner}", node)

    def _report(self, path: Path, words: str, node: Node) -> None:
        self.report_error(input_error(path, words, VALIDATION_FAILED, node, sign=""))


_REPLACED = (
    KnownArgumentNamesRule,
    UniqueArgumentNamesRule,
    UniqueInputFieldNamesRule,
    ValuesOfCorrectTypeRule,
    ProvidedRequiredArgumentsRule,
)
RULES = (*(rule for rule in specified_rules if rule not in _REPLACED), ArgumentsRule)


def with_argument(error: GraphQLError, document: DocumentNode) -> GraphQLError:
    """The error of a variable, with the argument for which the variable is given."""
    used = next((node for node in error.nodes or () if isinstance(node, VariableNode)), None)
    if used is None or "argument" in (error.extensions or {}):
        return error
    finder = _Finder(document, used)
    visit(document, finder)
    if not finder.place:
        return error
    extensions = {**(error.extensions or {}), "argument": [str(step) for step in finder.place]}
    return GraphQLError(error.message, error.nodes, extensions=extensions)


class _Finder(Visitor):
    """Finds the argument in which a variable is used."""

    def __init__(self, document: DocumentNode, wanted: VariableNode) -> None:
        super().__init__()
        self._document = document
        self._wanted = wanted
        self.place: Path = ()

    def enter_variable(
        self, node: VariableNode, _key: Any, _parent: Any, path: list[Any], *_: Any
    ) -> Any:
        """Look whether this is the one."""
        if node is not self._wanted:
            return None
        self.place = _place(self._document, path)
        return self.BREAK


def _place(document: DocumentNode, path: Sequence[str | int]) -> Path:
    """The place in an argument to which a path through the tree of a document leads."""
    place: Path = ()
    tree: Any = document
    attribute = ""
    for step in path:
        if isinstance(step, int):
            tree = tree[step]
            place += (step,) if attribute == "values" else ()
        else:
            tree = getattr(tree, step)
            attribute = step
        node: object = tree
        if isinstance(node, ArgumentNode):
            place = (node.name.value,)
        elif isinstance(node, ObjectFieldNode):
            place += (node.name.value,)
    return place


class Literals(InputValues):
    """Values as documents have them."""

    @override
    def is_variable(self, value: Any) -> bool:
        return isinstance(value, VariableNode)

    @override
    def is_null(self, value: Any) -> bool:
        return isinstance(value, NullValueNode)

    @override
    def items(self, value: Any) -> Sequence[Any] | None:
        return value.values if isinstance(value, ListValueNode) else None

    @override
    def fields(self, value: Any) -> Sequence[tuple[str, Any]] | None:
        if not isinstance(value, ObjectValueNode):
            return None
        return [(field.name.value, field.value) for field in value.fields]

    @override
    def enum_name(self, value: Any) -> str | None:
        return value.value if isinstance(value, EnumValueNode) else None

    @override
    def scalar_problem(self, kind: GraphQLScalarType, value: Any) -> str | None:
        if _has_variable(value) or utilities.coerce_input_literal(value, kind) is not Undefined:
            return None
        return SCALAR_REQUIREMENTS.get(kind.name) or f"is no {kind.name}"


def _has_variable(value: Any) -> bool:
    """Whether a literal of a scalar has variables in it, which come later."""
    if isinstance(value, ListValueNode):
        return any(_has_variable(item) for item in value.values)
    if isinstance(value, ObjectValueNode):
        return any(_has_variable(field.value) for field in value.fields)
    return isinstance(value, VariableNode)


_LITERALS = Literals()
