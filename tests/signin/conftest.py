"""One provider a test process; an Apache for each test that asks."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import Browser

from tests.fixtures.server import Server
from tests.signin.browser import SignedIn, sign_in
from tests.signin.chromium import chromium
from tests.signin.proxy import Apache, Provider


@dataclass
class Site:
    """What people open, and Pybot behind it."""

    url: str
    provider: str
    http: aiohttp.ClientSession

    async def user(self, name: str) -> SignedIn:
        """Somebody who has just signed in."""
        return await sign_in(self.url, name, self.http)


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
                jar = aiohttp.DummyCookieJar()
                async with aiohttp.ClientSession(cookie_jar=jar) as http:
                    yield Site(apache.url, provider, http)
            finally:
                await apache.child.stop()

    return run


@pytest.fixture
async def site(server: Server, open_site: Open) -> AsyncIterator[Site]:
    """A site just as docs/sign-in.md says."""
    async with open_site(server) as running:
        yield running


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium; each visitor has a context of their own."""
    async with chromium() as running:
        yield running
