"""One provider a test process; a proxy for each test that asks."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.fixtures.server import Server
from tests.signin.chromium import chromium
from tests.signin.doors import DOORS
from tests.signin.proxy import Apache, Provider
from tests.signin.site import Site, forgetful

Open = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an OpenID provider."""
    running = Provider(tmp_path_factory.mktemp("provider"))
    try:
        asyncio.run(running.child.wait_ready())
        yield running.url
    finally:
        asyncio.run(running.child.stop())


@pytest.fixture
def open_site(provider: str) -> Open:
    """Puts Apache before a server; keywords change lines of its configuration."""

    @asynccontextmanager
    async def run(
        server: Server, replacements: dict[str, str] | None = None
    ) -> AsyncGenerator[Site]:
        with tempfile.TemporaryDirectory(prefix="pybot-apache-") as folder:
            apache = Apache(Path(folder), provider, server.url, replacements or {})
            try:
                await apache.child.wait_ready()
                sign_out = f"/oidc/callback?logout={apache.url}/"
                async with forgetful() as http:
                    yield Site(apache.url, provider, http, sign_out)
            finally:
                await apache.child.stop()

    return run


@pytest.fixture
async def site(server: Server, open_site: Open) -> AsyncIterator[Site]:
    """A site just as docs/sign-in.md says."""
    async with open_site(server) as running:
        yield running


@pytest.fixture(params=["apache", *DOORS])
async def door(
    request: pytest.FixtureRequest,
    server: Server,
    provider: str,
    open_site: Open,
    redis_server_url: str,
) -> AsyncIterator[Site]:
    """A site behind each of the documented proxies."""
    if request.param == "apache":
        opened = open_site(server)
    else:
        opened = DOORS[request.param](server, provider, redis_server_url)
    async with opened as site:
        yield site


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium; each visitor has a context of their own."""
    async with chromium() as running:
        yield running
