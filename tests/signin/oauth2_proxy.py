"""oauth2-proxy as the manifests run it: as a reverse proxy, and as one that nginx asks."""

import os
import re
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

import pytest

from pybot.services.local.process import Child, Program
from tests.manifests.tools import MANIFESTS, build, containers, parse
from tests.signin.proxy import answers, free_port

COMPONENT = MANIFESTS / "components" / "oauth2-proxy"
ISTIO = MANIFESTS / "overlays" / "istio"
# What the manifests name, and a test replaces: the provider, the site, Pybot, the proxy's address.
ISSUER, SITE, PYBOT = "https://idp.example.com", "https://pybot.example.com", "http://pybot:8000"
ADDRESS, ALPHA = "0.0.0.0:4180", "/etc/oauth2-proxy/oauth2-proxy.yaml"
SECRET_FILE = "/etc/oauth2-proxy-secret/client-secret"
SECRETS = {
    "OAUTH2_PROXY_CLIENT_SECRET": "secret-of-tests",
    "OAUTH2_PROXY_COOKIE_SECRET": "cookie-secret-of-tests-32-bytes!",
}


def find_oauth2_proxy() -> str:
    """The program; without it a test fails, it is never left out silently."""
    program = os.environ.get("OAUTH2_PROXY", "")
    if not Path(program).is_file():
        pytest.fail("oauth2-proxy is missing: OAUTH2_PROXY=$(scripts/proxies.sh oauth2-proxy)")
    return program


@cache
def arguments(overlay: str) -> tuple[str, ...]:
    """The flags of oauth2-proxy in an overlay, as `kubectl apply -k` would send them."""
    objects = parse(build(MANIFESTS / "overlays" / overlay))
    return tuple(containers(objects)["oauth2-proxy"]["args"])


def settings() -> dict[str, str]:
    """The environment that the component gives."""
    lines = (COMPONENT / "settings.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


class Oauth2Proxy:
    """One oauth2-proxy. `site` is the address that people open, by default its own."""

    def __init__(
        self,
        folder: Path,
        provider: str,
        redis_url: str,
        *,
        pybot: str | None = None,
        site: str | None = None,
        replacements: dict[str, str] | None = None,
        more: tuple[str, ...] = (),
    ) -> None:
        """With `pybot` it is the reverse proxy before it; without, it only answers who it is.

        `replacements` change what the manifests say, `more` are flags beside it.
        """
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        secret = folder / "client-secret"
        secret.write_text(SECRETS["OAUTH2_PROXY_CLIENT_SECRET"])
        alpha = folder / "oauth2-proxy.yaml"
        self._changes = {
            ISSUER: provider,
            SITE: site or self.url,
            PYBOT: pybot or "",
            ADDRESS: f"127.0.0.1:{port}",
            ALPHA: str(alpha),
            SECRET_FILE: str(secret),
            **(replacements or {}),
        }
        alpha.write_text(self._changed((ISTIO / "oauth2-proxy.yaml").read_text()))
        flags = arguments("production" if pybot else "istio")
        environment = {name: self._changed(value) for name, value in settings().items()}
        del environment["OAUTH2_PROXY_REDIS_USERNAME"]  # the Redis of the tests has no users
        self.child = Child(
            Program(
                name="oauth2-proxy",
                argv=(find_oauth2_proxy(), *map(self._changed, flags), *more),
                log=folder / "oauth2-proxy.log",
                ready=self._is_ready(),
                env={
                    **environment,
                    **SECRETS,
                    "OAUTH2_PROXY_REDIS_CONNECTION_URL": redis_url,
                },
            )
        )

    def _is_ready(self) -> Callable[[], Awaitable[bool]]:
        return lambda: answers(f"{self.url}/ready")

    def _changed(self, text: str) -> str:
        pattern = "|".join(map(re.escape, self._changes))
        return re.sub(pattern, lambda found: self._changes[found[0]], text)
