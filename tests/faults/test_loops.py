"""A loop of a real server that meets a bug ends the process as a signal does, but as a failure."""

import asyncio
import os
import subprocess
import sys

from redis.asyncio import Redis

from tests.client import run_of
from tests.faults.conftest import Fleet, until
from tests.faults.following import Events
from tests.faults.test_handover import GRACE, WRITING, until_closed
from tests.fixtures.server import SettingsWith

# `pybot worker` with a bug in one of its loops.
FAILING_WORKER = """
from pybot.cli import main
from pybot.services.store.hub import Hub
from tests.failures import async_bug
Hub._receive = async_bug
main(["worker"])
"""


async def poison(fleet: Fleet) -> None:
    """Publish a malformed entry on the channel of a log."""
    async with Redis.from_url(fleet.settings.redis_om_url.get_secret_value()) as client:
        for channel in await client.pubsub_channels("*"):
            await client.publish(channel, "no entry")


async def test_server_whose_listener_fails_ends_and_hands_over(fleet: Fleet) -> None:
    """Followers get 1012, another worker takes its run up, and the exit code is 1."""
    here = await fleet.web(RUN__CONCURRENCY="2")
    process = fleet.processes[-1]
    sent, seen, begun = await here.send(WRITING), Events(), asyncio.Event()
    following = asyncio.create_task(until_closed(here, sent, seen, begun))
    async with asyncio.timeout(30):
        await begun.wait()
    await poison(fleet)
    assert await until(lambda: process.process.poll() is not None) < GRACE
    assert process.process.returncode == 1
    assert (await following)[:2] == (1012, "The server is restarting")
    log = process.log.read_text()
    assert log.count("the listener to other processes has failed") == 2, log
    assert "pybot: the listener to other processes has failed: see the log" in log
    assert log.count("ValueError") == 1
    assert "handed over" in log
    there, _ = await asyncio.gather(fleet.web(), fleet.worker())
    assert run_of(await there.until_ended(sent))["status"] == "COMPLETED"


async def test_worker_whose_loop_fails_ends(settings_with: SettingsWith) -> None:
    """By itself, within seconds, with one line for a person and an exit code of failure."""
    url = settings_with().redis_om_url.get_secret_value()
    worker = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", FAILING_WORKER],
        env={"PATH": os.environ["PATH"], "REDIS_OM_URL": url},
        capture_output=True,
        text=True,
        timeout=GRACE + 20,  # seconds; the start takes some
        check=False,
    )
    assert worker.returncode == 1
    assert worker.stderr.count("RuntimeError: a bug of the test") == 1
    assert worker.stderr.endswith(
        "pybot: the listener to other processes has failed: see the log\n"
    )
