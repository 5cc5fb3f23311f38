"""`/sign-out`: leads to where the proxy signs out, and closes what the user has open."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from pybot import sign_out
from pybot.services.store.hub import Hub
from pybot.sign_out import SignOut
from tests.client import Api, Socket
from tests.event_stream import ACCEPT, EventReader
from tests.failures import redis_is_away
from tests.fixtures.server import Server, Start

SHORT = 0.3  # seconds
RESTART = 1012
WAY_OUT = "{ server { signOutUrl } }"
FOLLOW = {"query": "subscription { viewerEvents { cursor } }"}


@pytest.fixture(autouse=True)
def short_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are closed soon."""
    monkeypatch.setattr(sign_out, "DELAY", SHORT)


async def signed_out(user: Api) -> tuple[int, str | None]:
    """Sign out; the status, and where it leads."""
    url = f"{user.url}/sign-out"
    async with user.http.get(url, headers=user.headers, allow_redirects=False) as response:
        return response.status, response.headers.get("location")


async def close_code(socket: Socket) -> int | None:
    """The code with which the server closes a socket."""
    async with asyncio.timeout(10):
        await socket.connection.wait_closed()
    return socket.connection.close_code


@pytest.mark.parametrize("url", ["/oidc?logout=%2F", "https://id.example.com/end"])
async def test_user_is_led_to_where_the_proxy_signs_out(start: Start, url: str) -> None:
    async with start(sign_out_url=url) as server:
        ann = server.user()
        path = (await ann.ask(WAY_OUT))["server"]["signOutUrl"]
        async with ann.http.get(
            f"{ann.url}{path}", headers=ann.headers, allow_redirects=False
        ) as response:
            assert (response.status, response.headers["location"]) == (303, url)
            assert response.headers["cache-control"] == "no-store"


async def test_nobody_can_be_signed_out_without_a_user(server: Server) -> None:
    nobody = server.user()
    async with nobody.http.get(f"{server.url}/sign-out", allow_redirects=False) as response:
        assert response.status == 401


async def test_without_the_setting_there_is_no_way_out(start: Start) -> None:
    async with start(sign_out_url=None) as server:
        ann = server.user()
        assert (await ann.ask(WAY_OUT))["server"]["signOutUrl"] is None
        assert (await signed_out(ann))[1] is None


async def test_what_the_user_has_open_is_closed_on_every_server(start: Start) -> None:
    """Clients are to connect again; what others have open stays."""
    async with start() as first, start() as second:
        ann, elsewhere, bob = first.user("ann"), second.user("ann"), second.user("bob")
        stream = elsewhere.http.post(
            f"{second.url}/graphql", json=FOLLOW, headers={**elsewhere.headers, **ACCEPT}
        )
        async with (
            ann.socket() as here,
            elsewhere.socket() as there,
            bob.socket() as other,
            stream as response,
        ):
            await signed_out(ann)
            assert [await close_code(here), await close_code(there)] == [RESTART, RESTART]
            assert "complete" not in [event.event for event in await EventReader(response).rest()]
            async for data in other.subscribe("{ viewer { username } }"):
                assert data == {"viewer": {"username": "bob"}}


async def test_connection_that_is_opened_again_too_soon_is_closed_as_well(server: Server) -> None:
    """The proxy may not yet have ended the session then."""
    ann = server.user()
    await signed_out(ann)
    async with ann.socket() as again:
        assert await close_code(again) == RESTART
    async with ann.socket() as later:
        async for data in later.subscribe("{ viewer { username } }"):
            assert data == {"viewer": {"username": "ann"}}


async def test_this_process_closes_them_while_redis_is_away(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Hub, "notify", redis_is_away)
    ann = server.user()
    async with ann.socket() as socket:
        assert await signed_out(ann) == (303, "/oauth2/sign_out")
        assert await close_code(socket) == RESTART


async def test_server_ends_at_once_in_between(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_out, "DELAY", 600)
    async with asyncio.timeout(10), start() as server:
        await signed_out(server.user())


def closing(closed: list[float]) -> Callable[[str], Awaitable[None]]:
    """Notes when connections would be closed."""

    async def close(_: str) -> None:
        closed.append(time.monotonic())

    return close


async def test_second_sign_out_waits_anew() -> None:
    """It may be by another session, which the proxy has yet to end."""
    closed: list[float] = []
    signing_out = SignOut("/", closing(closed))
    signing_out.heard("signed-out ann")
    await asyncio.sleep(SHORT / 2)
    second = time.monotonic()
    signing_out.heard("signed-out ann")
    async with asyncio.timeout(5):
        while not closed:  # noqa: ASYNC110 (a list has no event)
            await asyncio.sleep(0.01)
    await asyncio.sleep(SHORT)
    assert len(closed) == 1
    assert closed[0] - second >= SHORT * 0.9
    await signing_out.aclose()


async def test_other_notices_close_nothing() -> None:
    closed: list[float] = []
    signing_out = SignOut("/", closing(closed))
    signing_out.heard("0198-the-id-of-a-run")
    await asyncio.sleep(SHORT * 2)
    assert closed == []
    await signing_out.aclose()
