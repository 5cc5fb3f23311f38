"""Everything that a measurement needs, running: the pump, the relay, Redis, kernels and Pybot."""

import os
import tempfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import OTHER_CORES, Measured, started
from pybot.config import Settings
from pybot.services.background.supervisor import Supervisor
from pybot.services.local.owner_config import owner_config
from pybot.services.local.owner_process import KernelOwner
from pybot.services.local.programs import supervised
from pybot.services.local.redis_server import RedisServer
from pybot.services.local.stack import kernel_python

# The limits that a test of load meets first; everything else is as it is by default.
LIFTED = {
    "RUN__CONCURRENCY": "1000",
    "RUN__MAX_TOKENS": "1000000",
    "LIMITS__MAX_CONCURRENT_RUNS": "1000",
    "LOG_LEVEL": "WARNING",
}


@dataclass(frozen=True)
class Lab:
    """What runs, and where. `kernel_python` runs the kernels."""

    relay: Measured
    server: Measured
    redis_url: str
    kernel_python: Path

    @property
    def relay_url(self) -> str:
        """Where the relay's WebSockets are."""
        return f"ws://127.0.0.1:{self.relay.said}"

    @property
    def url(self) -> str:
        """Where Pybot is."""
        return self.server.said


@asynccontextmanager
async def open_lab() -> AsyncGenerator[Lab]:
    """Start everything; Pybot and the relay on one core, the rest and the load on the others."""
    os.sched_setaffinity(0, OTHER_CORES)
    async with AsyncExitStack() as exits:
        folder = Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="pybot-bench-")))
        redis = RedisServer(_made(folder / "redis"), folder)
        redis.prepare()
        python = kernel_python(Settings())
        owner = KernelOwner(
            owner_config(
                Settings(), python=python, files=_made(folder / "files"), socket_dir=folder
            ),
            _made(folder / "logs"),
        )
        owner.prepare()
        await exits.enter_async_context(supervised([redis.program, owner.program], Supervisor()))
        pump = await exits.enter_async_context(started("benchmarks.pump", pinned=False))
        relay = await exits.enter_async_context(started("benchmarks.relay", pump.said))
        settings = {
            "REDIS_OM_URL": redis.url,
            "LLM__URL": f"http://127.0.0.1:{pump.said}",
            "JUPYTER__OWNER_SOCKET": str(owner.socket),
            **LIFTED,
        }
        serve, ready = ("pybot", "serve", "--port", "0"), "Pybot is ready at "
        server = await exits.enter_async_context(started(*serve, ready=ready, settings=settings))
        yield Lab(relay, server, redis.url, python)


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
