"""What Pybot changes in uvicorn 0.54, all in one place.

- `WebSockets`: uvicorn closes its sockets at shutdown without a reason, and never those whose
  client reads nothing more. `tests/endpoint/test_upstream_uvicorn.py` notices a change.
- `Server`: uvicorn would handle signals itself, and end the process before the local stack has
  ended. `tests/test_serving.py` notices a change.
"""

import contextlib
from collections.abc import Generator

import uvicorn
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
        """Close with a reason; upstream gives none, and fails on a connection that is closing."""
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


class Server(uvicorn.Server):
    """A server that leaves signals to the process; `should_exit` ends it."""

    @contextlib.contextmanager
    @override
    def capture_signals(self) -> Generator[None]:
        """Handle no signals."""
        yield
