"""Requests and sockets: no identity, no service, and a local stack answers to its own names."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from pybot.auth import Identity, LocalHostOnly, RequireIdentity
from tests.endpoint.conftest import serving

HEADER = "X-Forwarded-User"


async def whoami(request: Request) -> JSONResponse:
    """Tell the viewer, where there is one."""
    viewer = getattr(request.state, "viewer", None)
    return JSONResponse({"viewer": viewer and viewer.username})


async def greet(socket: WebSocket) -> None:
    """Tell the viewer over a WebSocket."""
    await socket.accept()
    await socket.send_text(socket.state.viewer.username)
    await socket.close()


def application(*, local_user: str | None = None) -> Starlette:
    """An application as Pybot puts it together."""
    middleware = [Middleware(LocalHostOnly)] if local_user else []
    middleware.append(Middleware(RequireIdentity, identity=Identity(HEADER, local_user)))
    paths = ("/", "/graphql", "/healthz", "/readyz", "/assets/app.js")
    routes = [*(Route(path, whoami) for path in paths), WebSocketRoute("/ws", greet)]
    return Starlette(routes=routes, middleware=middleware)


@asynccontextmanager
async def client(
    app: Starlette, host: str = "127.0.0.1:8000"
) -> AsyncGenerator[httpx2.AsyncClient]:
    """A client that talks to an application in this process."""
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as http:
        yield http


async def socket_messages(app: Starlette, **pairs: str) -> list[Message]:
    """What an application sends to a WebSocket that connects."""
    sent: list[Message] = []
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in pairs.items()]
    scope = {
        "type": "websocket",
        "path": "/ws",
        "headers": raw,
        "subprotocols": ["graphql-transport-ws"],
        "query_string": b"",
        "scheme": "ws",
    }

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def test_viewer_is_there_for_every_route() -> None:
    async with client(application()) as http:
        for path in ("/", "/graphql", "/assets/app.js"):
            response = await http.get(path, headers={HEADER: "alice"})
            assert response.json() == {"viewer": "alice"}


async def test_no_header_no_service() -> None:
    async with client(application()) as http:
        for path in ("/", "/graphql", "/assets/app.js", "/nope", "/healthz/", "/HEALTHZ"):
            response = await http.get(path)
            assert response.status_code == 401
            (error,) = response.json()["errors"]
            assert error["extensions"] == {"code": "UNAUTHENTICATED"}
            assert "is missing" in error["message"]


async def test_health_needs_no_identity() -> None:
    async with client(application()) as http:
        for path in ("/healthz", "/readyz"):
            assert (await http.get(path)).json() == {"viewer": None}


async def test_websocket_has_the_viewer_too() -> None:
    accept, text, _ = await socket_messages(application(), x_forwarded_user="alice")
    assert accept["type"] == "websocket.accept"
    assert text["text"] == "alice"


async def test_websocket_without_identity_is_closed_where_browsers_see_it() -> None:
    accept, close = await socket_messages(application())
    assert (accept["type"], accept["subprotocol"]) == ("websocket.accept", "graphql-transport-ws")
    assert (close["type"], close["code"]) == ("websocket.close", 4401)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8000",
        "localhost",
        "localhost:1",
        "LOCALHOST:8000",
        "[::1]",
        "[::1]:8000",
    ],
)
async def test_local_stack_answers_to_its_own_names(host: str) -> None:
    async with client(application(local_user="me")) as http:
        for path in ("/", "/graphql", "/assets/app.js", "/healthz"):
            assert (await http.get(path, headers={"host": host})).status_code == 200
    messages = await socket_messages(application(local_user="me"), host=host)
    assert messages[1]["text"] == "me"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1:8000.evil.example",
        "evil.example@127.0.0.1",
        "127.0.0.1@evil.example",
        "127.0.0.1, evil.example",
        "0.0.0.0:8000",
        "127.0.0.2",
        "2130706433",
        "[::]",
        "[::ffff:127.0.0.1]",
        "localhost.",
        "localhost:",
        "localhost:http",
    ],
)
@pytest.mark.parametrize("origin", [None, "http://{host}"])
async def test_foreign_host_is_refused_whatever_its_origin(host: str, origin: str | None) -> None:
    app = application(local_user="me")
    sent = {"host": host} | ({"origin": origin.replace("{host}", host)} if origin else {})
    async with client(app) as http:
        for path in ("/", "/graphql", "/assets/app.js", "/healthz", "/nope"):
            response = await http.post(path, headers=sent)
            assert response.status_code == 421
            assert response.text.count("\n") == 1
    (message,) = await socket_messages(app, **sent)
    assert message["type"] == "websocket.close"


async def test_second_host_is_refused() -> None:
    twice: list[Any] = [("host", "127.0.0.1"), ("host", "evil.example")]
    async with client(application(local_user="me")) as http:
        assert (await http.get("/", headers=twice)).status_code == 421
        assert (await http.get("/", headers=twice[::-1])).status_code == 421


async def test_trusted_header_counts_for_nothing_in_a_local_stack() -> None:
    async with client(application(local_user="me")) as http:
        response = await http.get("/", headers={HEADER: "root"})
        assert response.json() == {"viewer": "me"}


async def status_at_the_wire(server: uvicorn.Server, *lines: bytes) -> int:
    """The status of the answer to a request with exactly these header lines."""
    host, port = server.servers[0].sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""]))
        async with asyncio.timeout(10):
            return int((await reader.readline()).split()[1])
    finally:
        writer.close()
        await writer.wait_closed()


UPGRADE = (
    b"Upgrade: websocket",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version: 13",
)


async def test_server_hands_on_what_a_client_tries() -> None:
    tries = {
        (b"X-Forwarded-User: alice",): 200,
        ("X-Forwarded-User: Zo\u00eb".encode(),): 200,
        (b"X-Forwarded-User: alice", b"x-forwarded-user: bob"): 401,
        (b"X-Forwarded-User: alice", b"X_Forwarded_User: bob"): 401,
        (b"X-Forwarded-User: alice", b"Connection: keep-alive, X-Forwarded-User"): 401,
        (b"X-Forwarded-User: alice,bob",): 401,
        (b"X-Forwarded-User:",): 401,
    }
    async with serving(application()) as server:
        for lines, status in tries.items():
            assert await status_at_the_wire(server, b"Host: x", *lines) == status


async def test_server_hands_on_what_a_websocket_client_tries() -> None:
    async with serving(application()) as server:
        host, port = server.servers[0].sockets[0].getsockname()

        def dial(*pairs: tuple[str, str]) -> connect:
            return connect(f"ws://{host}:{port}/ws", additional_headers=list(pairs))

        async with dial((HEADER, "Zo\u00eb".encode().decode("latin-1"))) as socket:
            assert await socket.recv() == "Zo\u00eb"
        for pairs in (
            [],
            [(HEADER, "a"), (HEADER, "b")],
            [(HEADER, "a"), ("X_Forwarded_User", "b")],
        ):
            async with dial(*pairs) as socket:
                with pytest.raises(ConnectionClosed) as caught:
                    await socket.recv()
                assert caught.value.rcvd is not None
                assert caught.value.rcvd.code == 4401


async def test_local_stack_refuses_foreign_hosts_at_the_wire() -> None:
    async with serving(application(local_user="me")) as server:
        assert await status_at_the_wire(server, b"Host: localhost:8000") == 200
        rebound = (b"Host: evil.example", b"Origin: http://evil.example")
        assert await status_at_the_wire(server, *rebound) == 421
        upgrade = (*rebound, b"Connection: Upgrade", *UPGRADE)
        assert await status_at_the_wire(server, *upgrade) == 403
        assert await status_at_the_wire(server, b"Host: localhost", b"Host: evil.example") in (
            400,
            421,
        )
