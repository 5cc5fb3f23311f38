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
from pybot.endpoint.documents import Cost, Documents, Verdict
from pybot.endpoint.limits import QueryLimits
from pybot.endpoint.masking import Explain, is_request_error, visible
from pybot.endpoint.upstream_strawberry import (
    OperationType,
    PreExecutionError,
    StreamResult,
    graphql_schema,
)


@runtime_checkable
class OperationScoped(Protocol):
    """A context that keeps things for one operation, or for one event of a subscription."""

    def for_operation(self) -> Self:
        """A context of the same connection with nothing kept yet."""
        ...

    def forget(self) -> None:
        """Drop what was kept: the next event is another moment."""
        ...


class HardenedSchema(strawberry.Schema):
    """Strawberry's schema behind limits.

    Every document is parsed and validated once and remembered; validation rules that extensions
    add are not used. Errors of all transports carry `extensions.code` (`masking.visible`).
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
        verdict = self._documents.check(query or "", operation_name, variable_values)
        if verdict.errors:
            return _refused(verdict)
        result = await super().execute(
            query,
            variable_values=variable_values,
            context_value=_for_operation(context_value),
            root_value=root_value,
            operation_name=operation_name,
            allowed_operation_types=allowed_operation_types,
            operation_extensions=operation_extensions,
        )
        return _shown(result, verdict.cost, self._explain(query, operation_name, variable_values))

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
        verdict = self._documents.check(query or "", operation_name, variable_values)
        if verdict.errors:
            return _single(_refused(verdict))
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
        return _shown_stream(source, context, verdict.cost, explain)

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


def _refused(verdict: Verdict) -> PreExecutionError:
    extensions = {"cost": verdict.cost} if verdict.cost else None
    return PreExecutionError(data=None, errors=list(verdict.errors), extensions=extensions)


def _shown(result: ExecutionResult, cost: Cost | None, explain: Explain) -> ExecutionResult:
    """The result as clients may see it; refusals are told apart by their type."""
    extensions = {**(result.extensions or {}), "cost": cost} if cost else result.extensions
    errors = [visible(error, explain) for error in result.errors] if result.errors else None
    kind = PreExecutionError if is_request_error(result.errors, result.data) else ExecutionResult
    return kind(data=result.data, errors=errors, extensions=extensions)


async def _shown_stream(
    source: StreamResult, context: Any, cost: Cost | None, explain: Explain
) -> StreamResult:
    scoped = isinstance(context, OperationScoped)
    async with aclosing(source):
        async for result in source:
            if isinstance(result, ExecutionResult) and (cost or result.errors):
                # The cost of a subscription is that of all its events, and told with the first.
                result, cost = _shown(result, cost, explain), None
            yield result
            if scoped:
                context.forget()


async def _single(result: ExecutionResult) -> StreamResult:
    yield result
