"""The local Redis: private, durable, and gone when its block ends."""

import contextlib
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.asyncio import Redis

from pybot.services.local import redis_server as module
from pybot.services.local.process import StackError
from pybot.services.local.redis_server import RedisServer, redis_server


@pytest.fixture
def socket_dir() -> Iterator[Path]:
    """A folder with a short path."""
    with tempfile.TemporaryDirectory(prefix="pybot-test-") as name:
        yield Path(name)


async def test_data_outlives_restart(tmp_path: Path, socket_dir: Path) -> None:
    """What was confirmed is there again, also below a path too long for a socket."""
    directory = tmp_path / ("a folder " * 14).strip()
    for expected in (None, b"kept"):
        async with (
            redis_server(directory, socket_dir) as url,
            Redis.from_url(url) as client,
        ):
            assert await client.get("key") == expected
            await client.set("key", "kept")


def command_lines() -> list[str]:
    """The command line of every process that can be seen."""
    lines: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has just ended
            lines.append(path.read_bytes().decode(errors="replace"))
    return lines


async def test_password_is_private_and_needed(tmp_path: Path, socket_dir: Path) -> None:
    """The password is in a file of the user's own, not in argv, and nobody gets in without."""
    async with redis_server(tmp_path / "redis", socket_dir) as url:
        password = url.split(":")[2].split("@")[0]
        config = tmp_path / "redis" / "redis.conf"
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
        assert password in config.read_text()
        assert not [line for line in command_lines() if password in line]
        async with Redis.from_url(url.replace(password, "wrong")) as client:
            with pytest.raises(redis.ConnectionError, match="invalid username-password"):
                await client.ping()


async def test_nothing_is_evicted_and_no_port_is_open(redis_url: str) -> None:
    """Messages are never dropped for memory; only the socket's folder leads to the data."""
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        config = await client.config_get("maxmemory-policy", "port", "appendonly")
    assert config == {"maxmemory-policy": "noeviction", "port": "0", "appendonly": "yes"}


async def test_broken_data_says_why(tmp_path: Path, socket_dir: Path) -> None:
    """A server that ends at once is quoted."""
    log = tmp_path / "appendonlydir" / "appendonly.aof.manifest"
    log.parent.mkdir()
    log.write_text("no manifest\n")
    with pytest.raises(StackError, match=r"Redis ended \(exited with 1\): .*manifest"):
        async with redis_server(tmp_path, socket_dir):
            pass


def test_long_socket_path_is_refused(tmp_path: Path) -> None:
    """The system would cut it silently or fail without a word."""
    with pytest.raises(StackError, match="too long"):
        RedisServer(tmp_path, tmp_path / ("x" * 100))


def test_missing_server_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without wheel and program, one line names both ways out."""

    def find_nothing(_name: str) -> None:
        return None

    monkeypatch.setattr(module, "find_spec", find_nothing)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StackError, match=r"pybot\[local\].*REDIS_OM_URL"):
        module.find_server()
