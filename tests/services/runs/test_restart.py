"""A run that waits while everything is killed and started again: Redis, workers, servers."""

import asyncio
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from pybot.config import Settings
from pybot.services.agent.ports import Decision
from pybot.services.local.process import Child
from pybot.services.local.redis_server import RedisServer
from pybot.services.records import RunStatus
from pybot.services.store import keys
from tests.fixtures.server import SettingsWith
from tests.services.runs.conftest import ANN, opened_room
from tests.services.runs.suspended import until_suspended
from tests.services.runs.test_suspension import DAY, pass_time


@asynccontextmanager
async def worker_of(settings: Settings) -> AsyncGenerator[Process]:
    """A worker process, killed at the end."""
    environment = {
        "PATH": os.environ["PATH"],
        "REDIS_OM_URL": settings.redis_om_url.get_secret_value(),
        "LLM__URL": settings.llm.url,
        "JUPYTER__OWNER_SOCKET": str(settings.jupyter.owner_socket),
        "RUN__CONCURRENCY": "0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.services.runs.suspending_worker", env=environment, stdout=PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def redis_of(server: RedisServer) -> AsyncGenerator[None]:
    """A Redis on its data, killed at the end."""
    child = Child(server.program)
    try:
        await child.wait_ready()
        yield
    finally:
        child.kill()


async def test_run_that_waits_survives_everything(
    settings_with: SettingsWith, tmp_path: Path
) -> None:
    """Killed, and a day later started again: the decision is all that was missing."""
    with tempfile.TemporaryDirectory(prefix="pybot-test-") as socket_dir:
        server = RedisServer(tmp_path / "redis", Path(socket_dir))
        server.prepare()
        settings = settings_with(run={"concurrency": 0}).model_copy(
            update={"redis_om_url": SecretStr(server.url)}
        )
        async with redis_of(server), opened_room(settings) as room, worker_of(settings):
            run = await room.send()
            await until_suspended(room, run)
        async with redis_of(server), opened_room(settings) as room, worker_of(settings):
            await pass_time(room, run, DAY)
            await room.repair().repair()
            await asyncio.sleep(0.2)
            assert (await room.status(run), await room.queued()) == (RunStatus.IN_PROGRESS, [])
            assert not await room.services.client.exists(keys.lease(run.id))
            decided = time.monotonic()
            await room.services.suspensions.resume(ANN, run.id, Decision(text="yes"))
            await room.until(run, RunStatus.COMPLETED)
            assert time.monotonic() - decided < 1
