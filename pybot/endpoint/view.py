"""The GraphQL endpoint: one ASGI application for HTTP, event streams and WebSockets.

Mount it with `Route("/graphql", view)` and `WebSocketRoute("/graphql", view)`; a `Mount` would
answer POST with a redirect. Serve it with the protocols of `upstream_uvicorn.py`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from pybot.endpoint.connections import Connections
from pybot.endpoint.http import HttpEndpoint
from pybot.endpoint.limits import ConnectionLimits
from pybot.endpoint.origin import OriginPolicy
from pybot.endpoint.schema import HardenedSchema
from pybot.endpoint.sockets import SocketView
from pybot.endpoint.types import ContextFactory


def _same_user(_: HTTPConnection) -> str:
    return ""


class GraphQLView:
    """Serves a schema to anyone.

    `context_factory` makes a context from a connection; `user_key` names whose connections
    count together; `max_body_size` in bytes holds for requests and for messages of sockets.
    """

    def __init__(
        self,
        schema: HardenedSchema,
        context_factory: ContextFactory[Any],
        *,
        max_body_size: int = 1024 * 1024,
        connections: ConnectionLimits | None = None,
        allowed_origins: Sequence[str] = (),
        user_key: Callable[[HTTPConnection], str] = _same_user,
    ) -> None:
        origins = OriginPolicy(allowed_origins)
        limits = connections or ConnectionLimits()
        self._connections = Connections(limits.per_user, user_key)
        self._http = HttpEndpoint(
            schema, context_factory, origins, limits, max_body_size, self._connections
        )
        self._sockets = SocketView(
            schema, context_factory, origins, limits, max_body_size, self._connections
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or one socket."""
        if scope["type"] == "websocket":
            await self._sockets.serve(WebSocket(scope, receive, send))
            return
        try:
            response = await self._http.answer(Request(scope, receive))
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def close_all(self) -> None:
        """End every connection that lasts, and wait until nothing of them runs.

        Streams end without `complete`, sockets with 1012: clients connect again.
        """
        self._http.end_streams()
        await self._sockets.close_all()
        await self._connections.wait_for_end()
