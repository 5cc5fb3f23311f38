"""uvicorn's WebSocket protocol, with an end for connections whose client reads nothing more."""

from typing_extensions import override
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class WebSockets(WebSocketsSansIOProtocol):
    """Pass it as `uvicorn.Config(ws=WebSockets)`.

    uvicorn closes a connection once everything is sent, which with a stalled reader is never.
    `linger` is how many seconds the last bytes have to leave; as long as uvicorn waits for the
    client's answer to a close frame.
    """

    linger = 10.0

    @override
    async def run_asgi(self) -> None:
        """Run the application for one socket; see that the connection ends soon after."""
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(self.linger, self.transport.abort)
