"""One WebSocket: JSON in, JSON out, with limits on waiting, size and age."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Any, Protocol, cast

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from pybot.endpoint.json_text import decode, encode
from pybot.endpoint.limits import ConnectionLimits
from pybot.endpoint.stalls import StallWatch
from pybot.endpoint.upstream_strawberry import (
    AnyView,
    NonJsonMessageReceived,
    NonTextMessageReceived,
    WebSocketAdapter,
    WebSocketDisconnected,
)
from pybot.endpoint.upstream_uvicorn import RESTART

# RFC 6455, section 5.5.1: a close frame holds 125 bytes, two of them the code.
_MAX_REASON = 123
TOO_BIG = 1009


class SocketOwner(Protocol):
    """What an adapter needs of the view that serves its socket."""

    limits: ConnectionLimits
    max_message_size: int
    open_sockets: set["SocketAdapter"]


class SocketAdapter(WebSocketAdapter):
    """Strawberry's view of a WebSocket.

    Whoever ends the socket (its client, its age, a stalled send, the server) ends `iter_json`, and
    with it the handler, which closes the socket's operations.
    """

    def __init__(self, view: AnyView, request: WebSocket, response: WebSocket) -> None:
        super().__init__(view, request, response)
        self._view = cast("SocketOwner", view)
        self._limits = self._view.limits
        self._stalls = StallWatch(self._limits.send_timeout)
        self._reader = asyncio.current_task()
        self._waiting = False
        self._ended = asyncio.Event()

    async def iter_json(
        self, *, ignore_parsing_errors: bool = False
    ) -> AsyncGenerator[object, None]:
        """The messages that come in, until the socket ends."""
        deadline = asyncio.get_running_loop().time() + self._limits.max_age
        self._view.open_sockets.add(self)
        try:
            with self._stalls:
                while (text := await self._receive(deadline)) is not None:
                    try:
                        yield decode(text)
                    except ValueError as error:
                        if not ignore_parsing_errors:
                            raise NonJsonMessageReceived from error
        finally:
            self._view.open_sockets.discard(self)

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message; a reader that does not take it in time is dropped."""
        if self._ended.is_set():
            raise WebSocketDisconnected
        frame = {"type": "websocket.send", "text": encode(message).decode()}
        try:
            await self._stalls.run(self.ws.send(frame))
        except (TimeoutError, WebSocketDisconnect, RuntimeError) as error:
            self._end()
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close the socket, once; its handler ends, whether or not the client answers."""
        is_open = self.ws.application_state is WebSocketState.CONNECTED
        if is_open and not self._ended.is_set():
            frame = {"type": "websocket.close", "code": code, "reason": _shorten(reason)}
            with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
                async with asyncio.timeout(self._limits.send_timeout):
                    await self.ws.send(frame)
        self._end()

    async def _receive(self, deadline: float) -> str | None:
        """The next text, or None when the socket has ended."""
        try:
            async with asyncio.timeout_at(deadline):
                message = await self._wait()
        except TimeoutError:
            await self.close(RESTART, "The socket reached its maximum age: connect again")
            return None
        return None if message is None else await self._text(message)

    async def _wait(self) -> Mapping[str, Any] | None:
        if self._ended.is_set():
            return None
        self._waiting = True
        try:
            return await self.ws.receive()
        except asyncio.CancelledError:
            # Ours, from `_end`; unless somebody else cancels the task as well.
            if not self._ended.is_set() or (self._reader and self._reader.uncancel() > 0):
                raise
            return None
        finally:
            self._waiting = False

    async def _text(self, message: Mapping[str, Any]) -> str | None:
        if message["type"] == "websocket.disconnect":
            self._ended.set()
            return None
        text: str | None = message.get("text")
        if text is None:
            raise NonTextMessageReceived
        if len(text) > self._view.max_message_size:
            await self.close(TOO_BIG, f"A message has at most {self._view.max_message_size} bytes")
            return None
        return text

    def _end(self) -> None:
        """Wake the task that waits for messages; the handler's own clean-up does the rest."""
        self._ended.set()
        if self._waiting and self._reader is not None:
            self._waiting = False
            self._reader.cancel()


def _shorten(reason: str) -> str:
    return reason.encode("utf-8", "replace")[:_MAX_REASON].decode("utf-8", "ignore")
