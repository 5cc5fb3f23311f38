"""What Pybot changes in uvicorn 0.54, all in one place.

- `Http`: uvicorn waits for responses in progress before it ends, and notifies none of them, though
  some go on for hours; and applications cannot drop a connection whose client reads nothing.
  `tests/endpoint/test_event_stream_limits.py` notices a change.
- `WebSockets`: uvicorn closes its sockets at shutdown without a reason, and never those whose
  client reads nothing more. It also leaves a client without an answer that websockets refuses,
  which takes no header longer than 8 kB, less than the cookies of some sign-ins.
  `tests/endpoint/test_upstream_uvicorn.py` notices a change.
- `Server`: uvicorn would handle signals itself, and end the process before the local stack has
  ended. `tests/test_serving.py` notices a change.
"""

import asyncio
import contextlib
from collections.abc import Callable, Generator

import uvicorn
from starlette.types import Scope
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11

RESTART, RESTARTING = 1012, "The server is restarting"  # clients connect again

_EXTENSION = "pybot.connection"

http11.MAX_LINE_LENGTH = 64 * 1024  # bytes


class Connection:
    """The connection of a request, for a response that lasts."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._on_shutdown: Callable[[], None] | None = None
        self._is_ending = False

    def abort(self) -> None:
        """Drop the connection, with all that was not sent yet."""
        self._transport.abort()

    @property
    def is_closing(self) -> bool:
        """Whether nothing more can be sent; `http.disconnect` comes a moment later only."""
        return self._transport.is_closing()

    def on_shutdown(self, act: Callable[[], None] | None) -> None:
        """Call `act` when the server begins to end; it then waits for the response."""
        self._on_shutdown = act
        if act is not None and self._is_ending:
            act()

    def shut_down(self) -> None:
        """The server begins to end."""
        self._is_ending = True
        if self._on_shutdown is not None:
            self._on_shutdown()


def connection_of(scope: Scope) -> Connection:
    """The connection of a request that `Http` serves."""
    connection: Connection = scope["extensions"][_EXTENSION]["connection"]
    return connection


class Http(HttpToolsProtocol):
    """Pass it as `uvicorn.Config(http=Http)`; `connection_of` gives a request's connection."""

    _connection: Connection

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._connection = Connection(transport)

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"connection": self._connection}}

    @override
    def shutdown(self) -> None:
        """End with the server, after the response in progress."""
        super().shutdown()
        self._connection.shut_down()


class WebSockets(WebSocketsSansIOProtocol):
    """Pass it as `uvicorn.Config(ws=WebSockets)`.

    uvicorn closes a connection once everything is sent, which with a stalled reader is never.
    `linger` is how many seconds the last bytes have to leave; as long as uvicorn waits for the
    client's answer to a close frame.
    """

    linger = 10.0

    @override
    def data_received(self, data: bytes) -> None:
        """Send also why there is no handshake; upstream says nothing and keeps the connection."""
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

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
