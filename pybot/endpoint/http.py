"""GraphQL over HTTP: one operation in; one JSON answer, or a stream of events, out."""

from collections.abc import Awaitable
from typing import Any

from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp
from strawberry.types import ExecutionResult

from pybot.endpoint.compiled import Progress
from pybot.endpoint.connections import Connections
from pybot.endpoint.event_stream import EventStream
from pybot.endpoint.limits import ConnectionLimits
from pybot.endpoint.masking import INTERNAL, log_bug
from pybot.endpoint.negotiation import EVENTS, GRAPHQL, Accepted, negotiate
from pybot.endpoint.origin import FORBIDDEN, OriginPolicy
from pybot.endpoint.refusal import JSON, Refusal, bad_request, json_response
from pybot.endpoint.request_body import Operation, read_operation
from pybot.endpoint.result_body import result_body
from pybot.endpoint.schema import HardenedSchema
from pybot.endpoint.types import ContextFactory
from pybot.endpoint.upstream_strawberry import PreExecutionError, StreamResult


class HttpEndpoint:
    """Answers requests as the specifications GraphQL over HTTP and GraphQL over SSE say."""

    def __init__(
        self,
        schema: HardenedSchema,
        context_factory: ContextFactory[Any],
        origins: OriginPolicy,
        limits: ConnectionLimits,
        max_body_size: int,
        connections: Connections,
    ) -> None:
        self._schema = schema
        self._context_factory = context_factory
        self._origins = origins
        self._limits = limits
        self._max_body_size = max_body_size
        self._connections = connections
        self._open_streams: set[EventStream] = set()

    async def answer(self, request: Request) -> ASGIApp:
        """The answer to any request; every error is JSON with a code, or an event."""
        accepted = negotiate(request.headers.getlist("accept"))
        media_type = accepted.json or JSON
        try:
            self._admit(request, accepted)
            operation = await read_operation(request, self._max_body_size)
            if self._is_streamed(request, operation, accepted):
                return self._stream(request, operation)
            return _response(await self._execute(request, operation), media_type)
        except Refusal as refusal:
            return refusal.response(media_type)
        except ClientDisconnect:
            raise
        except Exception as error:
            error_id, message = log_bug(error)
            body = {"message": message, "extensions": {"code": INTERNAL, "id": error_id}}
            return json_response({"errors": [body]}, 500, media_type)

    def end_streams(self) -> None:
        """End every stream, as before a restart: their clients connect again."""
        for stream in list(self._open_streams):
            stream.end()

    def _admit(self, request: Request, accepted: Accepted) -> None:
        if accepted.json is None and not accepted.events:
            message = f"Accept `{GRAPHQL}`, `{JSON}` or `{EVENTS}`: answers have no other form."
            raise Refusal(406, "NOT_ACCEPTABLE", message)
        if request.method not in ("GET", "POST"):
            raise _not_allowed("Ask with GET or POST.", "GET, POST")
        if not self._origins.allows(request):
            message = "Pages of this origin may not use this server: its settings must allow them."
            raise Refusal(403, FORBIDDEN, message)

    def _is_streamed(self, request: Request, operation: Operation, accepted: Accepted) -> bool:
        """Whether the answer is a stream of events; raises `Refusal` for what cannot be asked so.

        Clients name streams beside JSON in requests of any kind: then subscriptions alone have one.
        """
        kind = self._schema.operation_type(operation.query, operation.operation_name)
        if kind is OperationType.MUTATION and request.method == "GET":
            raise _not_allowed("Send mutations with POST.", "POST")
        is_subscription = kind is OperationType.SUBSCRIPTION
        if is_subscription and not accepted.events:
            raise bad_request(
                f"Subscriptions are answered as `{EVENTS}`, which the request must accept, "
                "or over a WebSocket, with the protocol graphql-transport-ws."
            )
        return is_subscription or accepted.prefers_events

    def _stream(self, request: Request, operation: Operation) -> EventStream:
        context = self._context_factory(request)

        def start(progress: Progress) -> Awaitable[StreamResult]:
            return self._schema.stream(
                operation.query,
                variable_values=operation.variables,
                context_value=context,
                root_value=progress,
                operation_name=operation.operation_name,
                operation_extensions=operation.extensions,
            )

        return EventStream(start, self._limits, self._connections, self._open_streams)

    async def _execute(self, request: Request, operation: Operation) -> ExecutionResult:
        return await self._schema.execute(
            operation.query,
            variable_values=operation.variables,
            context_value=self._context_factory(request),
            operation_name=operation.operation_name,
            operation_extensions=operation.extensions,
        )


def _not_allowed(message: str, methods: str) -> Refusal:
    return Refusal(405, "METHOD_NOT_ALLOWED", message, {"allow": methods})


def _response(result: ExecutionResult, media_type: str) -> Response:
    refused = isinstance(result, PreExecutionError)
    # The older media type has always answered 200 to what is well-formed.
    return json_response(
        result_body(result), 400 if refused and media_type == GRAPHQL else 200, media_type
    )
