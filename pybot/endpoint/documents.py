"""Parsed and validated documents, remembered: what is asked often is checked once."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
)
from strawberry.schema.schema import validate_document

from pybot.endpoint.limits import QueryLimits
from pybot.endpoint.masking import with_code
from pybot.endpoint.variables import check_variables
from pybot.endpoint.weight import NestedTooDeeply, Weight, scale_for, sizes_from, weigh

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
TOO_EXPENSIVE = "QUERY_TOO_EXPENSIVE"

# A document of 4,000 tokens takes about 2 MB as a tree, and clients have some twenty documents.
_CACHED_DOCUMENTS = 64


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
        return self._validated(document)[0]

    def choose(
        self,
        document: DocumentNode,
        operation_name: str | None,
        variables: Mapping[str, Any] | None,
    ) -> tuple[GraphQLError, ...]:
        """What is wrong with the operation that is asked for, its variables and their sizes."""
        try:
            operation = _operation(document, operation_name)
        except GraphQLError as error:
            return (error,)
        if errors := check_variables(self._schema, operation, variables):
            return errors
        if not self._validated(document)[1]:
            return ()
        scale = scale_for(self._schema, document, self._limits)
        scale.variables = sizes_from(operation, variables)
        return _excesses(weigh(scale, operation), self._limits)

    def _parse(self, query: str) -> DocumentNode:
        try:
            return parse(query, max_tokens=self._limits.tokens)
        except GraphQLSyntaxError as error:
            # graphql-core has no other mark on the error for too many tokens.
            long = error.message.endswith("tokens. Parsing aborted.")
            raise with_code(error, TOO_EXPENSIVE if long else PARSE_FAILED) from None

    def _validate(self, document: DocumentNode) -> tuple[tuple[GraphQLError, ...], bool]:
        """What is wrong, and whether variables decide on the cost."""
        scale = scale_for(self._schema, document, self._limits)
        try:
            weights = [
                weigh(scale, node)
                for node in document.definitions
                if isinstance(node, OperationDefinitionNode)
            ]
        except NestedTooDeeply:
            message = "The document is nested too deeply."
            return (GraphQLError(message, extensions={"code": TOO_EXPENSIVE}),), False
        # Checked before the rules, some of which take quadratic time.
        excesses = tuple(e for weight in weights for e in _excesses(weight, self._limits))
        if excesses:
            return excesses[:1], False
        errors = validate_document(self._schema, document, tuple(specified_rules))
        coded = tuple(with_code(error, VALIDATION_FAILED) for error in errors)
        return coded, any(weight.varies for weight in weights)


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


def _excesses(weight: Weight, limits: QueryLimits) -> tuple[GraphQLError, ...]:
    for noun, got, most in (
        ("depth", weight.depth, limits.depth),
        ("number of aliases", weight.aliases, limits.aliases),
        ("number of directives", weight.directives, limits.directives),
        ("number of fields", weight.fields, limits.fields),
        ("cost", weight.cost, limits.cost),
    ):
        if got > most:
            # Nested fragments reach numbers of thousands of digits.
            shown = got if got < 10**9 else "over 10^9"
            message = f"The operation's {noun} is {shown}, and {most} at most is allowed."
            return (GraphQLError(message, extensions={"code": TOO_EXPENSIVE}),)
    return ()
