"""Around the application: reads along what clients ask over HTTP and WebSockets, and what they get.

It changes nothing. What is no JSON, or no GraphQL, is passed over.
"""

# What goes in and out is any JSON.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.measures.tally import Asked, Tally

# What all applications of this process were asked, and have answered.
TALLY = Tally()
# The codes that the endpoint gave where it served another schema.
CODES = Tally(None)


class Recorder:
    """An ASGI application that notes what goes in and out of another one."""

    def __init__(self, app: ASGIApp, tally: Tally = TALLY) -> None:
        self._app, self._tally = app, tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, one socket, or the life of the application."""
        if scope["type"] == "http":
            exchange = _Exchange(self._tally, scope, receive, send)
            await self._app(scope, exchange.receive, exchange.send)
            exchange.note_answer()
        elif scope["type"] == "websocket":
            socket = _Socket(self._tally, receive, send)
            await self._app(scope, socket.receive, socket.send)
        else:
            await self._app(scope, receive, send)


class _Exchange:
    """One request and its answer: a whole one, or a stream of events."""

    def __init__(self, tally: Tally, scope: Scope, receive: Receive, send: Send) -> None:
        self._tally, self._scope, self._receive, self._send = tally, scope, receive, send
        self._is_graphql = scope["path"] == "/graphql"
        self._is_kept = self._is_graphql
        self._is_stream = False
        self._body = b""
        self._answer = b""

    async def receive(self) -> Message:
        """Read along what comes in."""
        message = await self._receive()
        if self._is_graphql:
            self._body += message.get("body", b"")
        return message

    async def send(self, message: Message) -> None:
        """Read along what goes out."""
        await self._send(message)
        if message["type"] == "http.response.start":
            kind = dict(message.get("headers", ())).get(b"content-type", b"")
            self._is_stream = kind.startswith(b"text/event-stream")
            self._is_kept = self._is_kept or message["status"] >= 400  # no files
        elif self._is_stream:
            for line in message.get("body", b"").splitlines():
                if line.startswith(b"data: "):
                    self._tally.note(self._question(), _json(line.removeprefix(b"data: ")))
        elif self._is_kept:
            self._answer += message.get("body", b"")

    def note_answer(self) -> None:
        """Note the whole answer."""
        self._tally.note(self._question(), _json(self._answer))

    def _question(self) -> Asked | None:
        """What was asked; None when nothing was."""
        if not self._is_graphql:
            return None
        if self._scope["method"] == "POST":
            return _asked(_json(self._body))
        given = parse_qs(self._scope["query_string"].decode(errors="replace"))
        texts = {name: values[0] for name, values in given.items()}
        return _asked({**texts, "variables": _json(texts.get("variables", "null").encode())})


class _Socket:
    """The operations of one WebSocket."""

    def __init__(self, tally: Tally, receive: Receive, send: Send) -> None:
        self._tally, self._receive, self._send = tally, receive, send
        self._operations: dict[str, Asked | None] = {}

    async def receive(self) -> Message:
        """Read along what comes in."""
        message = await self._receive()
        frame = _json((message.get("text") or "").encode(errors="replace"))
        if isinstance(frame, dict) and frame.get("type") == "subscribe":
            self._operations[str(frame.get("id"))] = _asked(frame.get("payload"))
        return message

    async def send(self, message: Message) -> None:
        """Read along what goes out."""
        await self._send(message)
        frame = _json((message.get("text") or "").encode())
        match frame:
            case {"type": "next", "id": str(number), "payload": answer}:
                self._tally.note(self._operations.get(number), answer)
            case {"type": "error", "payload": list(errors)}:
                self._tally.note(None, {"errors": errors})
            case _:
                pass


def _json(text: bytes) -> Any:
    """What a text means; None when it is no JSON."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _asked(body: Any) -> Asked | None:
    """The operation that a body asks for."""
    match body:
        case {"query": str(query)}:
            variables = body.get("variables")
            name = body.get("operationName")
            return Asked(query, variables if isinstance(variables, dict) else {}, name or None)
        case _:
            return None
