"""uvicorn's WebSocket protocol, with an end that is told, also to who reads nothing more."""

from typing_extensions import override
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

RESTART, RESTARTING = 1012, "The server is restarting"  # clients connect again


class WebSockets(WebSocketsSansIOProtocol):
    """Pass it as `uvicorn.Config(ws=WebSockets)`.

    uvicorn closes a connection once everything is sent, which with a stalled reader is never.
    `linger` is how many seconds the last bytes have to leave; as long as uvicorn waits for the
    client's answer to a close frame.
    """

    linger = 10.0

    @override
    def shutdown(self) -> None:
        """End with the server: as upstream, which gives no reason, and fails on what is closing."""
        if self.transport.is_closing():
            return
        if self.close_sent or not self.handshake_complete:
            super().shutdown()
            return
        self.stop_keepalive()
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": RESTART, "reason": RESTARTING}
        )
        self.conn.send_close(RESTART, RESTARTING)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()

    @override
    async def run_asgi(self) -> None:
        """Run the application for one socket; see that the connection ends soon after."""
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(self.linger, self.transport.abort)
