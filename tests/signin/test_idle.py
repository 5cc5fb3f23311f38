"""An idle WebSocket outlives the timeout of the proxy: Pybot's pings are heard."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from starlette.types import ASGIApp
from websockets.exceptions import ConnectionClosed

from pybot.config import Settings
from pybot.serving import server_config
from tests.fixtures import server as fixtures
from tests.fixtures.server import Server, Start
from tests.signin.conftest import Open
from tests.signin.doors import asked_by_nginx
from tests.signin.test_doors import WHO, signed_in

SILENT = 2  # seconds after which the proxy ends a connection
PINGS = {"pinged": 0.2, "silent": None}  # seconds between them
NGINX = {"3600s": f"{SILENT}s"}
# The greater of the two counts.
APACHE = {
    "timeout=3600": f"timeout={SILENT}",
    "ProxyRequests Off": f"ProxyRequests Off\nTimeout {SILENT}",
}


@pytest.fixture(params=PINGS)
async def pinging(
    request: pytest.FixtureRequest, start: Start, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Server, bool]]:
    """A server, and whether it pings."""

    def config(app: ASGIApp, settings: Settings, *, behind_proxy: bool) -> uvicorn.Config:
        made = server_config(app, settings, behind_proxy=behind_proxy)
        made.ws_ping_interval = PINGS[request.param]
        return made

    monkeypatch.setattr(fixtures, "server_config", config)
    async with start() as server:
        yield server, request.param == "pinged"


@pytest.mark.parametrize("proxy", ["apache", "nginx"])
async def test_pings_hold_what_the_proxy_would_end(
    pinging: tuple[Server, bool], provider: str, redis_server_url: str, open_site: Open, proxy: str
) -> None:
    server, pinged = pinging
    opened = (
        open_site(server, APACHE)
        if proxy == "apache"
        else asked_by_nginx(server, provider, redis_server_url, replacements=NGINX)
    )
    async with opened as site:
        ann = await signed_in(site, "ann")
        async with ann.socket() as socket:
            if not pinged:
                with pytest.raises(ConnectionClosed):
                    await socket.connection.recv()
                return
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(socket.connection.recv(), 2 * SILENT)
            answers = [data async for data in socket.subscribe(WHO)]
        assert [data["viewer"]["username"] for data in answers] == ["ann"]
