"""Apache with the configuration of docs/sign-in.md, and the OpenID provider behind it."""

import os
import re
import shutil
import signal
import socket
import sys
from pathlib import Path

import aiohttp
import pytest

from pybot.services.local.process import Child, Program

ROOT = Path(__file__).parents[2]
MODULES = Path("/usr/lib/apache2/modules")
SERVER_USER = "www-data"
LOADED = (
    "mpm_event",
    "authz_core",
    "authn_core",
    "authz_user",
    "auth_openidc",
    "headers",
    "rewrite",
    "proxy",
    "proxy_http",
)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def documented_configuration(proxy: str) -> str:
    """The block of docs/sign-in.md that operators copy for a proxy."""
    text = (ROOT / "docs" / "sign-in.md").read_text()
    [block] = re.findall(rf"```{proxy}\n(.*?)```", text, re.DOTALL)
    return str(block)


def find_apache() -> str:
    """The program; without it a test fails, it is never left out silently."""
    program = shutil.which("apache2", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None or not (MODULES / "mod_auth_openidc.so").exists():
        pytest.fail("Apache with mod_auth_openidc is missing: run scripts/apache.sh as root")
    return program


async def answers(url: str) -> bool:
    """Whether an HTTP server is there."""
    try:
        async with (
            aiohttp.ClientSession() as http,
            http.get(url, allow_redirects=False) as response,
        ):
            return response.status < 500
    except aiohttp.ClientError:
        return False


class Provider:
    """An OpenID provider that signs in any user name."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.child = Child(
            Program(
                name="provider",
                argv=(
                    sys.executable,
                    "-m",
                    "oidc_provider_mock",
                    "-p",
                    str(port),
                    "-H",
                    "127.0.0.1",
                ),
                log=folder / "provider.log",
                ready=lambda: answers(f"{self.url}/.well-known/openid-configuration"),
            )
        )


class Apache:
    """The proxy; `replacements` change the documented configuration to worse ones."""

    def __init__(
        self, folder: Path, provider: str, pybot: str, replacements: dict[str, str]
    ) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        configuration = documented_configuration("apache")
        addresses = {
            "https://id.example.com": provider,
            "https://pybot.example.com": self.url,
            "http://127.0.0.1:8000": pybot,
        }
        for old, new in (replacements | addresses).items():
            assert old in configuration, old
            configuration = configuration.replace(old, new)
        path = folder / "apache.conf"
        path.write_text(self._frame(folder, port) + configuration)
        if os.geteuid() == 0:
            shutil.chown(folder, SERVER_USER)
        self.child = Child(
            Program(
                name="apache",
                argv=(find_apache(), "-D", "FOREGROUND", "-f", str(path)),
                log=folder / "apache.log",
                ready=lambda: answers(f"{self.url}/"),
                death_signal=signal.SIGTERM,  # it ends its workers, then itself
                env={
                    "OIDC_CLIENT_SECRET": "secret-of-tests",
                    "OIDC_CRYPTO_PASSPHRASE": "passphrase-of-tests",
                },
            )
        )

    def _frame(self, folder: Path, port: int) -> str:
        modules = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in LOADED]
        user = [f"User {SERVER_USER}", f"Group {SERVER_USER}"] if os.geteuid() == 0 else []
        lines = [
            "ServerName 127.0.0.1",
            f"ServerRoot {folder}",
            f"DefaultRuntimeDir {folder}",
            f"PidFile {folder}/apache.pid",
            f"Mutex file:{folder} default",
            f"ErrorLog {folder}/error.log",
            f"Listen 127.0.0.1:{port}",
            *user,
            *modules,
        ]
        return "\n".join(lines) + "\n"
