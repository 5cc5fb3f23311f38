"""A loop of a real server that meets a bug ends the process as a signal does, but as a failure."""

import asyncio

import pytest
from redis.asyncio import Redis

from tests.client import run_of
from tests.faults.conftest import Fleet, until
from tests.faults.following import Events
from tests.faults.test_handover import GRACE, WRITING, until_closed


async def poison(fleet: Fleet) -> None:
    """Publish what is no entry to whoever reads a log."""
    async with Redis.from_url(fleet.settings.redis_om_url.get_secret_value()) as client:
        for channel in await client.pubsub_channels("*"):
            await client.publish(channel, "no entry")


async def test_server_whose_listener_fails_ends_and_hands_over(fleet: Fleet) -> None:
    """Followers get 1012, its run goes on elsewhere, and the exit code says failure."""
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


@pytest.mark.parametrize("command", ["worker", "web"])
async def test_process_that_cannot_end_is_ended(fleet: Fleet, command: str) -> None:
    """Both kinds of process end by themselves once their listener has failed."""
    if command == "web":
        await fleet.web()
    else:
        await fleet.worker()
    (process,) = fleet.processes
    assert process.process.poll() is None
