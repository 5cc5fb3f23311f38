"""uvicorn's WebSocket protocol, with an end for connections whose client reads nothing more."""

from typing_extensions import override
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# Seconds for the last bytes to leave once the application is done: as long as uvicorn waits for
# the client's answer to a close frame.
_LINGER = 10


class WebSockets(WebSocketsSansIOProtocol):
    """Pass it as `uvicorn.Config(ws=WebSockets)`.

    uvicorn closes a connection once everything is sent, which with a stalled reader is never.
    """

    @override
    async def run_asgi(self) -> None:
        """Run the application for one socket; see that the connection ends soon after."""
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(_LINGER, self.transport.abort)


__all__ = ["WebSockets"]
