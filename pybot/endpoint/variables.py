"""What is wrong with the variables of an operation."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from graphql import (
    GraphQLError,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    utilities,
)
from typing_extensions import override

from pybot.endpoint.input_values import SCALAR_REQUIREMENTS, InputValues, Problem, input_error
from pybot.endpoint.masking import BAD_INPUT

# A client that sends nonsense learns nothing more from a longer list.
_MAX_PROBLEMS = 10


def check_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, values: Mapping[str, Any] | None
) -> tuple[GraphQLError, ...]:
    """What is wrong with the values that an operation's variables are given, if anything."""
    errors = (
        input_error(path, words, BAD_INPUT, definition)
        for definition in operation.variable_definitions or ()
        for path, words in _variable(schema, definition, values or {})
    )
    return tuple(islice(errors, _MAX_PROBLEMS))


def _variable(
    schema: GraphQLSchema, definition: VariableDefinitionNode, values: Mapping[str, Any]
) -> Iterator[Problem]:
    name = definition.variable.name.value
    kind: Any = utilities.type_from_ast(
        schema, definition.type
    )  # its generic types would add nothing
    value = values.get(name, Undefined)
    if value is Undefined:
        if isinstance(kind, GraphQLNonNull) and definition.default_value is None:
            yield (name,), "is required"
    elif kind is not None:
        yield from _JSON_VALUES.problems(kind, value, (name,))


class _JsonValues(InputValues):
    """Values as JSON has them."""

    @override
    def is_null(self, value: Any) -> bool:
        return value is None

    @override
    def items(self, value: Any) -> Sequence[Any] | None:
        items: Any = value
        return items if isinstance(value, list) else None

    @override
    def fields(self, value: Any) -> Sequence[tuple[str, Any]] | None:
        return list(cast("dict[str, Any]", value).items()) if isinstance(value, dict) else None

    @override
    def enum_name(self, value: Any) -> str | None:
        return value if isinstance(value, str) else None

    @override
    def scalar_problem(self, kind: GraphQLScalarType, value: Any) -> str | None:
        try:
            kind.coerce_input_value(value)
        except Exception as error:
            # Scalars of our own say in a sentence what they take.
            return (
                SCALAR_REQUIREMENTS.get(kind.name) or f"is no {kind.name}: {str(error).rstrip('.')}"
            )
        return None


_JSON_VALUES = _JsonValues()
