"""GraphQL over HTTP: one operation in, one JSON answer out."""

from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from pybot.endpoint.body import read_operation
from pybot.endpoint.masking import INTERNAL, report
from pybot.endpoint.negotiation import GRAPHQL, negotiate
from pybot.endpoint.origin import FORBIDDEN, OriginPolicy
from pybot.endpoint.refusal import JSON, Refusal, json_response
from pybot.endpoint.schema import HardenedSchema
from pybot.endpoint.types import ContextFactory


class HttpEndpoint:
    """Answers requests as the specification GraphQL over HTTP says."""

    def __init__(
        self,
        schema: HardenedSchema,
        context_factory: ContextFactory[Any],
        origins: OriginPolicy,
        max_body_size: int,
    ) -> None:
        self._schema = schema
        self._context_factory = context_factory
        self._origins = origins
        self._max_body_size = max_body_size

    async def answer(self, request: Request) -> Response:
        """The answer to any request; every error is JSON with a code."""
        media_type = negotiate(request.headers.getlist("accept"))
        try:
            if media_type is None:
                message = f"Accept `{GRAPHQL}` or `{JSON}`: answers have no other form."
                raise Refusal(406, "NOT_ACCEPTABLE", message)
            self._admit(request)
            result = await self._execute(request)
        except Refusal as refusal:
            return refusal.response(media_type or JSON)
        except ClientDisconnect:
            raise
        except Exception as error:
            error_id, message = report(error)
            body = {"message": message, "extensions": {"code": INTERNAL, "id": error_id}}
            return json_response({"errors": [body]}, 500, media_type or JSON)
        return _response(result, media_type)

    def _admit(self, request: Request) -> None:
        if request.method not in ("GET", "POST"):
            raise _not_allowed("Ask with GET or POST.", "GET, POST")
        if not self._origins.allows(request):
            message = "Pages of this origin may not use this server: its settings must allow them."
            raise Refusal(403, FORBIDDEN, message)

    async def _execute(self, request: Request) -> ExecutionResult:
        operation = await read_operation(request, self._max_body_size)
        allowed = {OperationType.QUERY}
        if request.method == "POST":
            allowed.add(OperationType.MUTATION)
        try:
            return await self._schema.execute(
                operation.query,
                variable_values=operation.variables,
                context_value=self._context_factory(request),
                operation_name=operation.operation_name,
                allowed_operation_types=allowed,
                operation_extensions=operation.extensions,
            )
        except InvalidOperationTypeError as error:
            raise _wrong_type(error.operation_type) from None


def _wrong_type(operation_type: OperationType) -> Refusal:
    if operation_type is OperationType.MUTATION:
        return _not_allowed("Send mutations with POST.", "POST")
    message = "Subscriptions go over a WebSocket, with the protocol graphql-transport-ws."
    return Refusal(400, "BAD_REQUEST", message)


def _not_allowed(message: str, methods: str) -> Refusal:
    return Refusal(405, "METHOD_NOT_ALLOWED", message, {"allow": methods})


def _response(result: ExecutionResult, media_type: str) -> Response:
    body: dict[str, object] = {}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    refused = isinstance(result, PreExecutionError)
    if not refused:
        body["data"] = result.data
    if result.extensions:
        body["extensions"] = result.extensions
    # The older media type has always answered 200 to what is well-formed.
    return json_response(body, 400 if refused and media_type == GRAPHQL else 200, media_type)
