"""Parses and validates documents, and caches the results: clients send the same few again."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)

from pybot.endpoint.complexity import (
    Complexity,
    NestedTooDeeply,
    complexity_of,
    counter_for,
    size_variables,
)
from pybot.endpoint.given_values import argument_error
from pybot.endpoint.limits import QueryLimits
from pybot.endpoint.literals import RULES, VALIDATION_FAILED, with_argument
from pybot.endpoint.masking import with_code
from pybot.endpoint.upstream_graphql import is_about_tokens
from pybot.endpoint.variables import check_variables

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
TOO_EXPENSIVE = "QUERY_TOO_EXPENSIVE"

# What an operation costs, and the most that one may: `requested`, `limit`.
Cost = dict[str, int]
# Costs of nested fragments reach thousands of digits; this is the largest `Int`.
_MAX_SHOWN = 2**31 - 1

# A document of 4,000 tokens takes about 2 MB as a tree, and clients have some twenty documents.
_CACHED_DOCUMENTS = 64


class CheckedOperation(NamedTuple):
    """What is wrong with an operation, and what it costs (None when nothing can be said)."""

    errors: tuple[GraphQLError, ...]
    cost: Cost | None = None


class _Validated(NamedTuple):
    """What is wrong with a document, and the complexities of its operations by their names."""

    errors: tuple[GraphQLError, ...]
    complexities: Mapping[str | None, Complexity]


class Documents:
    """The documents of one schema, held to its limits."""

    def __init__(self, schema: GraphQLSchema, limits: QueryLimits) -> None:
        self._schema = schema
        self._limits = limits
        # Each instance has its own caches: a document is valid for one schema only.
        self._parsed = lru_cache(maxsize=_CACHED_DOCUMENTS)(self._parse)
        self._validated = lru_cache(maxsize=_CACHED_DOCUMENTS)(self._validate)

    def parse(self, query: str) -> DocumentNode:
        """The document that a query's text means; raises `GraphQLError` with its code."""
        return self._parsed(query)

    def operation_type(self, query: str, operation_name: str | None) -> OperationType | None:
        """Which kind of operation is asked for; None when the document does not say."""
        try:
            return _operation(self.parse(query), operation_name).operation
        except GraphQLError:
            return None

    def validate(self, document: DocumentNode) -> tuple[GraphQLError, ...]:
        """What is wrong with a document, whatever its variables: limits first, then the rules."""
        return self._validated(document).errors

    def check(
        self, query: str, operation_name: str | None, variables: Mapping[str, Any] | None
    ) -> CheckedOperation:
        """What is wrong with an operation: document, choice, variables and their sizes."""
        try:
            document = self.parse(query)
        except GraphQLError as error:
            return CheckedOperation((error,))
        validated = self._validated(document)
        try:
            operation = _operation(document, operation_name)
        except GraphQLError as error:
            return CheckedOperation(validated.errors or (error,))
        complexity = validated.complexities.get(_name(operation))
        if complexity is None:
            return CheckedOperation(validated.errors)
        errors = validated.errors or check_variables(self._schema, operation, variables)
        if not errors and complexity.varies:
            counter = counter_for(self._schema, document, self._limits)
            counter.variables = size_variables(operation, variables)
            complexity = complexity_of(counter, operation)
            errors = _excesses(complexity, self._limits)
        return CheckedOperation(errors, cost_of(complexity, self._limits))

    def explain(
        self,
        query: str,
        operation_name: str | None,
        variables: Mapping[str, Any] | None,
        error: GraphQLError,
    ) -> GraphQLError | None:
        """What execution says of an argument, in our words and with its place; None if unclear."""
        document = self.parse(query)
        operation = _operation(document, operation_name)
        return argument_error(self._schema, document, operation, variables or {}, error)

    def _parse(self, query: str) -> DocumentNode:
        try:
            return parse(query, max_tokens=self._limits.tokens)
        except GraphQLSyntaxError as error:
            code = TOO_EXPENSIVE if is_about_tokens(error) else PARSE_FAILED
            raise with_code(error, code) from None

    def _validate(self, document: DocumentNode) -> _Validated:
        counter = counter_for(self._schema, document, self._limits)
        try:
            complexities = {
                _name(node): complexity_of(counter, node)
                for node in document.definitions
                if isinstance(node, OperationDefinitionNode)
            }
        except NestedTooDeeply:
            message = "The document is nested too deeply."
            return _Validated((GraphQLError(message, extensions={"code": TOO_EXPENSIVE}),), {})
        # Checked before the rules, some of which take quadratic time.
        excesses = tuple(
            e for complexity in complexities.values() for e in _excesses(complexity, self._limits)
        )
        if excesses:
            return _Validated(excesses[:1], complexities)
        errors = validate(self._schema, document, RULES)
        coded = (with_code(with_argument(error, document), VALIDATION_FAILED) for error in errors)
        return _Validated(tuple(coded), complexities)


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    """The operation asked for, as GraphQL's `GetOperation` chooses it."""
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    if name is not None:
        operations = [node for node in operations if node.name and node.name.value == name]
    if len(operations) == 1:
        return operations[0]
    if name is not None:
        message = "The document has no operation of this name."
    elif operations:
        message = "The document has several operations: say in `operationName` which one is meant."
    else:
        message = "The document has no operation."
    raise GraphQLError(message, extensions={"code": VALIDATION_FAILED})


def cost_of(complexity: Complexity, limits: QueryLimits) -> Cost:
    """The cost as it stands in `extensions.cost`."""
    return {"requested": min(complexity.cost, _MAX_SHOWN), "limit": limits.cost}


def _excesses(complexity: Complexity, limits: QueryLimits) -> tuple[GraphQLError, ...]:
    for noun, got, most in (
        ("depth", complexity.depth, limits.depth),
        ("number of aliases", complexity.aliases, limits.aliases),
        ("number of directives", complexity.directives, limits.directives),
        ("number of fields", complexity.fields, limits.fields),
        ("cost", complexity.cost, limits.cost),
    ):
        if got > most:
            # Nested fragments reach numbers of thousands of digits.
            shown = got if got < 10**9 else "over 10^9"
            message = f"The operation's {noun} is {shown}, and {most} at most is allowed."
            extensions = {"code": TOO_EXPENSIVE, "cost": cost_of(complexity, limits)}
            return (GraphQLError(message, extensions=extensions),)
    return ()
