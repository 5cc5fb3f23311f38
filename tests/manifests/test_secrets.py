"""The commands of the deployment page make secrets that Redis and Pybot take."""

import asyncio
import base64
import json
import os
import re
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from pybot.services.local.process import Child, Program
from pybot.services.local.redis_server import find_server
from tests.manifests.tools import MANIFESTS

# Stands for kubectl: writes each command down.
RECORDER = """#!/usr/bin/env python3
import json, sys
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
"""


@pytest.fixture
def secrets(tmp_path: Path) -> dict[str, dict[str, str]]:
    """What the page's commands make, by secret and key."""
    page = (MANIFESTS / "README.md").read_text()
    section = page[page.index("## 4. Secrets") : page.index("## 5. ")]
    script = "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL))
    log = tmp_path / "commands"
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(RECORDER.format(log=str(log)))
    kubectl.chmod(0o755)
    own = {
        "CLIENT_SECRET": "from the provider",
        "HF_TOKEN": "hf",
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
    }
    subprocess.run(["bash", "-euc", script], env=own, check=True)
    found: dict[str, dict[str, str]] = {}
    for line in log.read_text().splitlines():
        words: list[str] = json.loads(line)
        if words[2:4] == ["create", "secret"]:
            assert words[:2] == ["-n", "pybot"]
            literals = [word.removeprefix("--from-literal=") for word in words[6:]]
            found[words[5]] = dict(literal.split("=", 1) for literal in literals if "=" in literal)
    return found


@pytest.fixture
async def redis_socket(secrets: dict[str, dict[str, str]], tmp_path: Path) -> AsyncGenerator[Path]:
    """The socket of a server with the component's configuration and the page's users."""
    acl = tmp_path / "users.acl"
    acl.write_text(secrets["redis-acl"]["users.acl"])
    text = (MANIFESTS / "components" / "redis" / "redis.conf").read_text()
    for there, here in (("/etc/redis-acl/users.acl", acl), ("/data", tmp_path)):
        assert there in text
        text = text.replace(there, f'"{here}"')
    with tempfile.TemporaryDirectory(prefix="pybot-test-") as short:  # a socket's path must be
        path = Path(short) / "redis.sock"
        configuration = tmp_path / "redis.conf"
        configuration.write_text(f"{text}\nport 0\nunixsocket {path}\n")

        async def ready() -> bool:
            return path.exists()

        argv = (str(find_server()), str(configuration))
        child = Child(Program(name="Redis", argv=argv, log=tmp_path / "log", ready=ready))
        try:
            await child.wait_ready()
            yield path
        finally:
            await child.stop()


def test_gateway_and_pybot_share_a_token(secrets: dict[str, dict[str, str]]) -> None:
    """Each command makes what the others go with."""
    assert (
        secrets["pybot"]["JUPYTER__GATEWAY_TOKEN"] == secrets["enterprise-gateway"]["EG_AUTH_TOKEN"]
    )
    assert len(secrets["pybot"]["JUPYTER__GATEWAY_TOKEN"]) == 64
    assert secrets["pybot"]["LLM__CREDS"] == "EMPTY"
    assert secrets["oauth2-proxy"]["OAUTH2_PROXY_CLIENT_SECRET"] == "from the provider"
    cookie = secrets["oauth2-proxy"]["OAUTH2_PROXY_COOKIE_SECRET"]
    assert len(base64.urlsafe_b64decode(cookie)) == 32


async def test_pybot_may_do_all(secrets: dict[str, dict[str, str]], redis_socket: Path) -> None:
    """Its password opens Redis, which has its data on disk and evicts nothing."""
    url = urlsplit(secrets["pybot"]["REDIS_OM_URL"])
    assert (url.hostname, url.port) == ("redis", 6379)
    async with Redis(unix_socket_path=str(redis_socket), password=url.password) as client:
        assert await client.set("pybot:a", "1")
        settings: Any = await client.config_get("*")
        assert settings["appendonly"] == "yes"
        assert settings["maxmemory-policy"] == "noeviction"
        await client.delete("pybot:a")


async def test_nobody_enters_without_a_password(redis_socket: Path) -> None:
    """The answer is the one that the probe takes for a sign of life."""
    reader, writer = await asyncio.open_unix_connection(redis_socket)
    writer.write(b"PING\r\n")
    assert (await reader.readline()).startswith(b"-NOAUTH")
    writer.close()
    await writer.wait_closed()


async def test_sessions_are_apart(secrets: dict[str, dict[str, str]], redis_socket: Path) -> None:
    """oauth2-proxy keeps its sessions, with their locks, and sees nothing of Pybot's."""
    password = secrets["oauth2-proxy"]["OAUTH2_PROXY_REDIS_PASSWORD"]
    async with Redis(
        unix_socket_path=str(redis_socket), username="oauth2-proxy", password=password
    ) as client:
        key = "_oauth2_proxy-0123"
        assert await client.set(key, "session", ex=60)
        assert await client.set(f"{key}.lock", "me", nx=True, px=5000)
        release: Any = client.eval
        script = "return redis.call('del', KEYS[1])"
        assert await release(script, 1, f"{key}.lock") == 1
        assert await client.expire(key, 120)
        assert await client.delete(key) == 1
        for refused in (
            client.get("pybot:a"),
            client.set("pybot:a", "1"),
            client.keys("*"),
            client.flushall(),
            client.config_get("*"),
            client.scan(),
            release("return redis.call('get', KEYS[1])", 1, "pybot:a"),
        ):
            with pytest.raises(ResponseError, match="permission"):
                await refused
