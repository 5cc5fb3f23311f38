"""A real server with the sample schema, and clients for it."""

import asyncio
import json
import socket as sockets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from pybot.endpoint.limits import ConnectionLimits
from pybot.endpoint.upstream_uvicorn import Http, WebSockets
from pybot.endpoint.view import GraphQLView
from tests.endpoint.sample import Watched, sample_context, sample_schema
from tests.fixtures.server import abort_left

PROTOCOL = Subprotocol("graphql-transport-ws")


@dataclass
class Server:
    """A running server."""

    port: int
    view: GraphQLView
    watched: Watched
    http: httpx2.AsyncClient
    uvicorn: uvicorn.Server

    def socket(self, **options: Any) -> connect:
        """A WebSocket to it; use it in `async with`."""
        options.setdefault("subprotocols", [PROTOCOL])
        return connect(f"ws://127.0.0.1:{self.port}/graphql", **options)

    async def ask(self, query: object, **options: Any) -> httpx2.Response:
        """POST a query."""
        body = {"query": query, **options.pop("json", {})}
        return await self.http.post("/graphql", json=body, **options)

    async def until_generators(self, count: int) -> None:
        """Wait until so many generators of subscriptions are open."""
        async with asyncio.timeout(10), self.watched.changed:
            await self.watched.changed.wait_for(lambda: self.watched.generators == count)


@dataclass
class ServerOptions:
    """How a server differs from others."""

    limits: dict[str, int] = field(default_factory=dict[str, int])
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    allowed_origins: tuple[str, ...] = ()
    max_body_size: int = 1024 * 1024


@asynccontextmanager
async def running(options: ServerOptions) -> AsyncGenerator[Server]:
    """A server with the sample schema."""
    view = GraphQLView(
        sample_schema(**options.limits),
        sample_context,
        connections=options.connections,
        allowed_origins=options.allowed_origins,
        max_body_size=options.max_body_size,
        user_key=lambda connection: connection.headers.get("x-user", ""),
    )
    app = Starlette(routes=[Route("/graphql", view), WebSocketRoute("/graphql", view)])
    app.state.watched = Watched()
    async with serving(app) as server:
        port = server.servers[0].sockets[0].getsockname()[1]
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            yield Server(port, view, app.state.watched, http, server)
        await view.close_all()


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncGenerator[uvicorn.Server]:
    """An application on a free port, stopped at the end; no task may be left."""
    before = asyncio.all_tasks()
    config = uvicorn.Config(
        app,
        port=0,
        http=Http,
        ws=WebSockets,
        ws_per_message_deflate=False,
        log_config=None,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110 (uvicorn offers nothing to wait for)
                await asyncio.sleep(0.01)
        yield server
    finally:
        server.should_exit = True
        await task
        await abort_left(server)
    assert {task.get_coro() for task in asyncio.all_tasks() - before if _is_ours(task)} == set()


def _is_ours(task: asyncio.Task[Any]) -> bool:
    """Whether a task is not one that anyio runs fixtures with."""
    return "_call_in_runner_task" not in repr(task)


Start = Callable[..., Awaitable[Server]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts servers that differ from the usual one."""
    async with AsyncExitStack() as stack:

        async def start_server(**options: Any) -> Server:
            return await stack.enter_async_context(running(ServerOptions(**options)))

        yield start_server


@pytest.fixture(scope="module")
async def shared() -> AsyncIterator[Server]:
    """The usual server, started once for a module."""
    async with running(ServerOptions()) as usual:
        yield usual


@pytest.fixture
async def server(shared: Server) -> AsyncIterator[Server]:
    """The usual server, with nothing watched yet and a client of the test's own."""
    vars(shared.watched).update(vars(Watched()))
    async with httpx2.AsyncClient(base_url=shared.http.base_url) as http:
        yield replace(shared, http=http)


@asynccontextmanager
async def stalled(server: Server) -> AsyncGenerator[ClientConnection]:
    """A WebSocket that holds little of what it does not read."""
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", server.port))
    async with server.socket(sock=raw, max_queue=1) as socket:
        yield socket


async def initialised(socket: ClientConnection) -> ClientConnection:
    """The socket after its greeting."""
    await send(socket, type="connection_init")
    assert await receive(socket) == {"type": "connection_ack"}
    return socket


async def send(socket: ClientConnection, **message: Any) -> None:
    """Send a message."""
    await socket.send(json.dumps(message))


async def subscribe(socket: ClientConnection, operation_id: str, query: str) -> None:
    """Start an operation."""
    await send(socket, type="subscribe", id=operation_id, payload={"query": query})


async def receive(socket: ClientConnection) -> dict[str, Any]:
    """The next message."""
    async with asyncio.timeout(10):
        message: dict[str, Any] = json.loads(await socket.recv())
    return message


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """Wait for the end; the code and the reason of it."""
    async with asyncio.timeout(10):
        with suppress(ConnectionClosed):
            async for _ in socket:
                pass
        with pytest.raises(ConnectionClosed) as caught:
            await socket.recv()
    frame = caught.value.rcvd
    return (frame.code, frame.reason) if frame else (1006, "")
