"""Real processes on one Redis: workers and web servers that are killed, stopped and ended."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import aiohttp
import pytest

from pybot.config import Settings
from tests.client import Api
from tests.fixtures.pybot_process import PybotProcess, StartPybot
from tests.fixtures.server import SettingsWith
from tests.scripted_tgi import ScriptedTGI

LEASE = 2  # seconds
# Seconds within which a run whose worker was lost must go on.
TAKEN_UP_WITHIN = LEASE + 10


@dataclass
class Fleet:
    """The processes of one test, and clients of them."""

    settings: Settings
    tgi: ScriptedTGI
    start: StartPybot
    processes: list[PybotProcess] = field(default_factory=list[PybotProcess])
    sessions: list[aiohttp.ClientSession] = field(default_factory=list[aiohttp.ClientSession])

    async def worker(self, **settings: str) -> PybotProcess:
        """Start a worker and wait until it takes runs."""
        process = self._started("worker", settings)
        await asyncio.to_thread(process.wait_for_line, "Pybot takes runs")
        return process

    async def workers(self, count: int, **settings: str) -> list[PybotProcess]:
        """Start `count` workers at once."""
        return await asyncio.gather(*(self.worker(**settings) for _ in range(count)))

    async def web(self, user: str = "ann", **settings: str) -> Api:
        """Start a web server without a worker; returns a client of it."""
        process = self._started("serve", {"RUN__CONCURRENCY": "0", **settings}, "--port", "0")
        return self.client(await asyncio.to_thread(process.url), user)

    def client(self, url: str, user: str = "ann") -> Api:
        """A client of a server, signed in as a user."""
        self.sessions.append(aiohttp.ClientSession())
        return Api(url, user, self.sessions[-1])

    async def worker_of_run(self, workers: list[PybotProcess], begun: int = 1) -> PybotProcess:
        """Wait until runs were taken up `begun` times; the worker that took up most of them."""

        def beginnings() -> list[PybotProcess]:
            return [each for each in workers for _ in range(each.logged("run taken up"))]

        await until(lambda: len(beginnings()) >= begun)
        return max(workers, key=lambda each: each.logged("run taken up"))

    def _started(self, command: str, settings: dict[str, str], *arguments: str) -> PybotProcess:
        environment = {
            "REDIS_OM_URL": self.settings.redis_om_url.get_secret_value(),
            "LLM__URL": self.settings.llm.url,
            "LLM__IDLE_TIMEOUT": "5",
            "JUPYTER__OWNER_SOCKET": str(self.settings.jupyter.owner_socket),
            "RUN__LEASE": str(LEASE),
            **settings,
        }
        process = self.start(command, *arguments, **environment)
        self.processes.append(process)
        return process


async def until(condition: Callable[[], bool], timeout: float = 30) -> float:
    """Wait until a condition holds; how many seconds it took."""
    begun = time.monotonic()
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 (it is about other processes)
            await asyncio.sleep(0.01)
    return time.monotonic() - begun


@pytest.fixture
async def fleet(
    settings_with: SettingsWith, tgi: ScriptedTGI, start_pybot: StartPybot
) -> AsyncIterator[Fleet]:
    """Starts processes on an empty Redis, with a scripted model and real kernels."""
    running = Fleet(settings_with(), tgi, start_pybot)
    yield running
    for session in running.sessions:
        await session.close()
    for process in running.processes:
        if process.process.poll() is None:
            process.process.send_signal(signal.SIGCONT)
            await asyncio.to_thread(process.end, signal.SIGKILL)
