"""The results of one operation as server-sent events, in one response.

This is the mode "distinct connections" of graphql-sse:
https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from graphql import GraphQLError
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send
from strawberry.types import ExecutionResult

from pybot.endpoint.compiled import Progress
from pybot.endpoint.connections import Connections, TooManyConnections
from pybot.endpoint.fairness import Fairness
from pybot.endpoint.json_text import encode
from pybot.endpoint.limits import ConnectionLimits
from pybot.endpoint.masking import masked
from pybot.endpoint.negotiation import EVENTS
from pybot.endpoint.refusal import HEADERS, Refusal
from pybot.endpoint.result_body import result_body
from pybot.endpoint.stalls import StallWatch
from pybot.endpoint.upstream_strawberry import PreExecutionError, StreamResult
from pybot.endpoint.upstream_uvicorn import connection_of

# Starts an operation, which notes its progress.
StartOperation = Callable[[Progress], Awaitable[StreamResult]]

_HEADERS = {
    **HEADERS,
    "content-type": f"{EVENTS}; charset=utf-8",
    "cache-control": "no-cache, no-store",
    # nginx, and what is compatible with it, would collect events before it sends them on.
    "x-accel-buffering": "no",
}
_START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(name.encode(), value.encode()) for name, value in _HEADERS.items()],
}
# No field `retry` anywhere: the client of graphql-sse takes it for a broken stream.
_COMMENT = b":\n\n"
# Browsers pass over events without a line of data.
_COMPLETE = b"event: complete\ndata:\n\n"
# Seconds for the server to notice that a connection was dropped; it complains of less.
_ABORT_TIMEOUT = 1


class _Gone(Exception):
    """The client takes no more."""


class EventStream:
    """An ASGI application that answers one request with a stream of events.

    The stream ends with `complete` when its operation does. When it ends without (it reached its
    maximum age, or the server ends), clients connect again. However it ends, so does its
    operation. While it lasts it is in `open_streams`.
    """

    def __init__(
        self,
        start_operation: StartOperation,
        limits: ConnectionLimits,
        connections: Connections,
        open_streams: set["EventStream"],
    ) -> None:
        self._start_operation = start_operation
        self._limits = limits
        self._connections = connections
        self._open_streams = open_streams
        self._stalls = StallWatch(limits.send_timeout)
        self._ended = asyncio.get_running_loop().create_future()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, whose body has been read."""
        self._send_message = send
        self._connection = connection_of(scope)
        try:
            with self._connections.count(Request(scope)):
                await self._serve(receive)
        except TooManyConnections:
            message = "You have too many connections: close some of them."
            refusal = Refusal(429, "LIMIT_EXCEEDED", message)
            await refusal.response()(scope, receive, send)

    def end(self) -> None:
        """End the stream without completing it: its client connects again."""
        if not self._ended.done():
            self._ended.set_result(None)

    async def _serve(self, receive: Receive) -> None:
        gone = asyncio.create_task(_until_disconnected(receive))
        self._open_streams.add(self)
        self._connection.on_shutdown(self.end)
        try:
            with self._stalls:
                await self._send(_START)
                await self._send_events(gone)
                if not gone.done():
                    await self._send_body(b"", is_last=True)
        except _Gone:
            self._connection.abort()
            await asyncio.wait({gone}, timeout=_ABORT_TIMEOUT)
        finally:
            self._connection.on_shutdown(None)
            self._open_streams.discard(self)
            await _cancel_and_wait(gone)

    async def _send_events(self, gone: asyncio.Task[None]) -> None:
        """Send results and comments until the first reason to end."""
        results = asyncio.create_task(self._send_results())
        try:
            await self._send_comments(until={results, gone, self._ended})
        finally:
            await _cancel_and_wait(results)
        if not results.cancelled():
            results.result()

    async def _send_comments(self, until: set[asyncio.Future[None]]) -> None:
        """Send a comment now and then, until something ends the stream or it grew too old."""
        now = asyncio.get_running_loop().time
        deadline = now() + self._limits.max_age
        await self._send_body(_COMMENT)  # some browsers call a stream open at its first byte only
        while (left := deadline - now()) > 0:
            pause = min(self._limits.comment_interval, left)
            done, _ = await asyncio.wait(until, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return
            await self._send_body(_COMMENT)

    async def _send_results(self) -> None:
        try:
            await self._send_operation()
        except _Gone:
            raise
        except Exception as error:
            bug = masked(GraphQLError(str(error), original_error=error))
            await self._send_body(_next(PreExecutionError(data=None, errors=[bug])))
        await self._send_body(_COMPLETE)

    async def _send_operation(self) -> None:
        progress, fairness = Progress(), Fairness()
        results = await self._start_operation(progress)
        async with aclosing(results):
            async for result in results:
                assert isinstance(result, ExecutionResult)  # nothing is deferred
                await self._send_body(_next(result, progress.take()))
                await fairness.after_result()

    async def _send_body(self, body: bytes, *, is_last: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": not is_last})

    async def _send(self, message: Message) -> None:
        if self._connection.is_closing:
            raise _Gone
        try:
            await self._stalls.run(self._send_message(message))
        except OSError as error:  # also when it takes too long
            raise _Gone from error


def _next(result: ExecutionResult, cursor: str | None = None) -> bytes:
    """The event of a result; browsers send its ID back as `Last-Event-ID`."""
    event_id = b"" if cursor is None else b"id: %s\n" % cursor.encode()
    return b"event: next\n%sdata: %s\n\n" % (event_id, encode(result_body(result)))


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel_and_wait(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # asyncio logs what nobody has looked at
