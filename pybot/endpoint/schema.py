"""A Strawberry schema that may face anyone: limits, caches, codes and masked errors."""

from collections.abc import Iterable, Iterator
from contextlib import aclosing
from typing import Any, Protocol, Self, runtime_checkable

import graphql
import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import StreamResult
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from pybot.endpoint.compiled import CompiledExecutor
from pybot.endpoint.documents import Documents
from pybot.endpoint.limits import QueryLimits
from pybot.endpoint.masking import is_request_error, visible


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
        self._schema.description = description
        self._documents = Documents(self._schema, limits or QueryLimits())

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
        if errors := self._refusals(query, operation_name, variable_values):
            return PreExecutionError(data=None, errors=errors)
        result = await super().execute(
            query,
            variable_values=variable_values,
            context_value=_for_operation(context_value),
            root_value=root_value,
            operation_name=operation_name,
            allowed_operation_types=allowed_operation_types,
            operation_extensions=operation_extensions,
        )
        return _shown(result)

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
        if errors := self._refusals(query, operation_name, variable_values):
            return _single(PreExecutionError(data=None, errors=errors))
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
        return _shown_stream(source, context)

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing here: what is a bug is logged where it is masked, once."""

    def _refusals(
        self, query: str | None, operation_name: str | None, variables: dict[str, Any] | None
    ) -> list[GraphQLError]:
        try:
            document = self._documents.parse(query or "")
        except GraphQLError as error:
            return [error]
        errors = self._documents.validate(document)
        return list(errors or self._documents.choose(document, operation_name, variables))

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


def _shown(result: ExecutionResult) -> ExecutionResult:
    """The result with errors as clients may see them; refusals are told apart by their type."""
    if not result.errors:
        return result
    errors = [visible(error) for error in result.errors]
    kind = PreExecutionError if is_request_error(result.errors, result.data) else ExecutionResult
    return kind(data=result.data, errors=errors, extensions=result.extensions)


async def _shown_stream(source: StreamResult, context: Any) -> StreamResult:
    scoped = isinstance(context, OperationScoped)
    async with aclosing(source):
        async for result in source:
            yield _shown(result) if isinstance(result, ExecutionResult) else result
            if scoped:
                context.forget()


async def _single(result: ExecutionResult) -> StreamResult:
    yield result
