"""GraphQL over WebSockets: who may open one, how many, and their common end."""

import asyncio
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from typing_extensions import override

from pybot.endpoint.adapter import SocketAdapter
from pybot.endpoint.connections import Connections, TooManyConnections
from pybot.endpoint.limits import ConnectionLimits
from pybot.endpoint.masking import log_bug
from pybot.endpoint.origin import OriginPolicy
from pybot.endpoint.schema import HardenedSchema
from pybot.endpoint.transport_ws import TransportHandler
from pybot.endpoint.types import ContextFactory
from pybot.endpoint.upstream_strawberry import GraphQL
from pybot.endpoint.upstream_uvicorn import RESTART, RESTARTING

FORBIDDEN, TOO_MANY, INTERNAL = 4403, 4429, 4500


class SocketView(GraphQL[Any, None]):
    """Serves WebSockets; requests over HTTP are not its business."""

    graphql_transport_ws_handler_class = TransportHandler
    websocket_adapter_class = SocketAdapter

    def __init__(
        self,
        schema: HardenedSchema,
        context_factory: ContextFactory[Any],
        origins: OriginPolicy,
        limits: ConnectionLimits,
        max_message_size: int,
        connections: Connections,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=timedelta(seconds=limits.init_timeout),
            max_subscriptions_per_connection=limits.operations,
        )
        self.limits = limits
        self.max_message_size = max_message_size
        self.open_sockets: set[SocketAdapter] = set()
        self._context_factory = context_factory
        self._origins = origins
        self._connections = connections

    async def serve(self, socket: WebSocket) -> None:
        """Serve one socket to its end."""
        if not self._origins.allows(socket):
            await _refuse(socket, FORBIDDEN, "Pages of this origin may not connect")
            return
        try:
            with self._connections.count(socket):
                await self._run(socket)
        except TooManyConnections:
            await _refuse(socket, TOO_MANY, "Too many connections: close some of them")

    async def close_all(self) -> None:
        """Close every socket, as before a restart."""
        sockets = list(self.open_sockets)
        await asyncio.gather(
            *(socket.close(RESTART, RESTARTING) for socket in sockets), return_exceptions=True
        )

    @override
    async def get_context(
        self, request: Request | WebSocket, response: Response | WebSocket
    ) -> Any:
        """The context of a socket; each of its operations gets one of its own from it."""
        return self._context_factory(request)

    @override
    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:
        """Say yes: `serve` has asked already, and refuses in a way that browsers can see."""
        return True

    @override
    async def create_websocket_response(
        self, request: WebSocket, subprotocol: str | None
    ) -> WebSocket:
        """Accept the handshake, unless its client has gone."""
        try:
            await request.accept(subprotocol)
        except OSError as error:
            raise WebSocketDisconnect(1006) from error
        return request

    async def _run(self, socket: WebSocket) -> None:
        try:
            await self.run(socket)
        except WebSocketDisconnect:
            return
        except Exception as error:
            _, message = log_bug(error)
            await _close(socket, INTERNAL, message)


async def _refuse(socket: WebSocket, code: int, reason: str) -> None:
    """Accept, then close: browsers show pages no code of a handshake that was refused."""
    await socket.accept(next(iter(socket["subprotocols"]), None))
    await _close(socket, code, reason)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    try:
        await socket.close(code, reason)
    except (RuntimeError, OSError):
        return
