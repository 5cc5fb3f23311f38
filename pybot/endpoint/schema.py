"""A Strawberry schema that may face anyone: limits, caches, codes and masked errors."""

from collections.abc import Iterable, Iterator
from contextlib import aclosing
from functools import partial
from typing import Any, Protocol, Self, runtime_checkable

import graphql
import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext, ExecutionResult

from pybot.endpoint.compiled import CompiledExecutor
from pybot.endpoint.documents import CheckedOperation, Cost, Documents
from pybot.endpoint.limits import QueryLimits
from pybot.endpoint.masking import Explain, is_request_error, masked
from pybot.endpoint.upstream_strawberry import (
    OperationType,
    PreExecutionError,
    StreamResult,
    graphql_schema,
)


@runtime_checkable
class OperationScoped(Protocol):
    """A context with a cache for one operation, or for one event of a subscription."""

    def for_operation(self) -> Self:
        """Return a context of the same connection with an empty cache."""
        ...

    def clear_cache(self) -> None:
        """Empty the cache: the next event is read as of another cursor."""
        ...


class HardenedSchema(strawberry.Schema):
    """Strawberry's schema behind limits.

    Every document is parsed and validated once and remembered; validation rules that extensions
    add are not used. Errors of all transports carry `extensions.code` (`masking.masked`).
    """

    def __init__(
        self,
        query: type,
        mutation: type | None = None,
        subscription: type | None = None,
        *,
        limits: QueryLimits | None = None,
        description: str | None = None,
        extensions: Iterable[Any] = (),
        **options: Any,
    ) -> None:
        super().__init__(
            query,
            mutation,
            subscription,
            extensions=[self._checked_documents, *extensions],
            execution_context_class=CompiledExecutor,
            **options,
        )
        served = graphql_schema(self)
        served.description = description
        self._documents = Documents(served, limits or QueryLimits())

    def operation_type(
        self, query: str, operation_name: str | None
    ) -> graphql.OperationType | None:
        """Which kind of operation is asked for; None when the document does not say."""
        return self._documents.operation_type(query, operation_name)

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Run a query or a mutation.

        Raises Strawberry's `InvalidOperationTypeError` for one that is not allowed. An operation
        that was refused before it ran gives `PreExecutionError`.
        """
        checked = self._documents.check(query or "", operation_name, variable_values)
        if checked.errors:
            return _refused(checked)
        result = await super().execute(
            query,
            variable_values=variable_values,
            context_value=_for_operation(context_value),
            root_value=root_value,
            operation_name=operation_name,
            allowed_operation_types=allowed_operation_types,
            operation_extensions=operation_extensions,
        )
        return _masked_result(
            result, checked.cost, self._explain(query, operation_name, variable_values)
        )

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        operation_extensions: dict[str, Any] | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
    ) -> StreamResult:
        """Run any operation; its results come as a generator that must be closed.

        A `compiled.Progress` as root value has the cursor of each event.
        """
        checked = self._documents.check(query or "", operation_name, variable_values)
        if checked.errors:
            return _single(_refused(checked))
        context = _for_operation(context_value)
        source = await super().stream(
            query,
            variable_values=variable_values,
            context_value=context,
            root_value=root_value,
            operation_name=operation_name,
            operation_extensions=operation_extensions,
            allowed_operation_types=allowed_operation_types,
        )
        explain = self._explain(query, operation_name, variable_values)
        return _masked_stream(source, context, checked.cost, explain)

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing here: what is a bug is logged where it is masked, once."""

    def _explain(
        self, query: str | None, operation_name: str | None, variables: dict[str, Any] | None
    ) -> Explain:
        return partial(self._documents.explain, query or "", operation_name, variables)

    def _checked_documents(self) -> SchemaExtension:
        return _CheckedDocuments(self._documents)


class _CheckedDocuments(SchemaExtension):
    """Gives Strawberry the documents that are parsed and validated already."""

    def __init__(self, documents: Documents) -> None:
        super().__init__()
        self._documents = documents

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        context.graphql_document = self._documents.parse(context.query or "")
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        document = context.graphql_document
        if document is not None:
            context.pre_execution_errors = list(self._documents.validate(document))
        yield


def _for_operation(context: Any) -> Any:
    return context.for_operation() if isinstance(context, OperationScoped) else context


def _refused(checked: CheckedOperation) -> PreExecutionError:
    extensions = {"cost": checked.cost} if checked.cost else None
    return PreExecutionError(data=None, errors=list(checked.errors), extensions=extensions)


def _masked_result(result: ExecutionResult, cost: Cost | None, explain: Explain) -> ExecutionResult:
    """The result as clients see it; a `PreExecutionError` when nothing was executed."""
    extensions = {**(result.extensions or {}), "cost": cost} if cost else result.extensions
    errors = [masked(error, explain) for error in result.errors] if result.errors else None
    kind = PreExecutionError if is_request_error(result.errors, result.data) else ExecutionResult
    return kind(data=result.data, errors=errors, extensions=extensions)


async def _masked_stream(
    source: StreamResult, context: Any, cost: Cost | None, explain: Explain
) -> StreamResult:
    scoped = isinstance(context, OperationScoped)
    async with aclosing(source):
        async for result in source:
            if isinstance(result, ExecutionResult) and (cost or result.errors):
                # The cost of a subscription is that of all its events; it comes with the first one.
                result, cost = _masked_result(result, cost, explain), None
            yield result
            if scoped:
                context.clear_cache()


async def _single(result: ExecutionResult) -> StreamResult:
    yield result
