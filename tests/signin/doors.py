"""The front doors: each a proxy that people run, with Pybot behind it."""

import tempfile
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

from pybot.services.local.process import Child
from tests.fixtures.server import Server
from tests.signin.nginx import Nginx
from tests.signin.oauth2_proxy import Oauth2Proxy
from tests.signin.proxy import free_port
from tests.signin.site import Site, forgetful

SIGN_OUT = "/oauth2/sign_out?rd=%2F"

Door = Callable[[Server, str, str], AbstractAsyncContextManager[Site]]


@asynccontextmanager
async def running(*children: Child) -> AsyncGenerator[None]:
    """Wait until all of them answer; end them in the other order."""
    async with AsyncExitStack() as stack:
        for child in children:
            stack.push_async_callback(child.stop)
        for child in children:
            await child.wait_ready()
        yield


@asynccontextmanager
async def reverse_proxy(
    server: Server,
    provider: str,
    redis_url: str,
    *,
    replacements: dict[str, str] | None = None,
    more: tuple[str, ...] = (),
) -> AsyncGenerator[Site]:
    """oauth2-proxy before Pybot, with the flags of the manifests, changed or with more of them."""
    with tempfile.TemporaryDirectory(prefix="pybot-oauth2-proxy-") as folder:
        proxy = Oauth2Proxy(
            Path(folder),
            provider,
            redis_url,
            pybot=server.url,
            replacements=replacements,
            more=more,
        )
        async with running(proxy.child), forgetful() as http:
            yield Site(proxy.url, provider, http, SIGN_OUT)


@asynccontextmanager
async def asked_by_nginx(
    server: Server,
    provider: str,
    redis_url: str,
    *,
    replacements: dict[str, str] | None = None,
) -> AsyncGenerator[Site]:
    """nginx before Pybot, which asks oauth2-proxy as the overlay with Istio configures it.

    `replacements` change nginx's configuration.
    """
    with tempfile.TemporaryDirectory(prefix="pybot-nginx-") as folder:
        port = free_port()
        site = f"http://127.0.0.1:{port}"
        proxy = Oauth2Proxy(
            Path(folder),
            provider,
            redis_url,
            site=site,
            # nginx's address here.
            replacements={"10.0.0.0/8": "127.0.0.0/8"},
        )
        nginx = Nginx(Path(folder), port, proxy.url, server.url, replacements)
        async with running(proxy.child, nginx.child), forgetful() as http:
            yield Site(site, provider, http, SIGN_OUT)


DOORS: dict[str, Door] = {"oauth2-proxy": reverse_proxy, "nginx": asked_by_nginx}
