"""A server killed in the middle of a request: what it has stored is answered all the same."""

import signal

import aiohttp
import pytest
from redis.asyncio import Redis

from pybot.services.store import keys
from tests.client import Api, run_of
from tests.faults.conftest import Fleet, until
from tests.fixtures.pybot_process import PybotProcess
from tests.proxy import redis_proxy

TEXT = "hello"
KEY = "only once"
# A run is put back once it is 2 s old, by a look every second.
REPAIRED_WITHIN = 10  # seconds


class KillsBeforeQueue:
    """A gate that kills processes when one turns to the queue; its command does not reach Redis."""

    def __init__(self) -> None:
        self.victims = list[PybotProcess]()

    async def __call__(self, data: bytes) -> None:
        """Let everything else through."""
        if self.victims and keys.QUEUE.encode() in data:
            for victim in self.victims:
                victim.process.kill()
            raise ConnectionAbortedError


async def newest(ann: Api) -> str:
    """The conversation that was begun last."""
    listed = await ann.ask("{ viewer { conversations(first: 2) { nodes { id } } } }")
    (only,) = listed["viewer"]["conversations"]["nodes"]
    return str(only["id"])


async def test_server_killed_between_storing_and_enqueueing(fleet: Fleet) -> None:
    """The message is stored, the next worker's repair queues its run, and a retry finds it."""
    url = fleet.settings.redis_om_url.get_secret_value()
    gate = KillsBeforeQueue()
    async with redis_proxy(url, gate) as through_gate:
        ann = await fleet.web(REDIS_OM_URL=through_gate)
        gate.victims += fleet.processes
        with pytest.raises(aiohttp.ClientError):
            await ann.send(TEXT, key=KEY)
        await until(lambda: gate.victims[0].process.poll() is not None)
    assert gate.victims[0].process.returncode == -signal.SIGKILL
    async with Redis.from_url(url) as client:
        assert await client.zcard(keys.QUEUE) == 0

    ann = await fleet.web()
    conversation = await newest(ann)
    stored = await ann.snapshot(conversation)
    assert stored["activeRun"]["status"] == "QUEUED"
    assert stored["messages"]["nodes"][0]["parts"][0]["text"] == TEXT
    await fleet.worker()
    sent = {"conversation": {"id": conversation}, "eventCursor": stored["eventCursor"]}
    events = await ann.until_ended(sent, timeout=REPAIRED_WITHIN)
    assert run_of(events)["status"] == "COMPLETED"

    again = await ann.send(TEXT, key=KEY)
    assert again["conversation"]["id"] == conversation
    messages = (await ann.snapshot(conversation))["messages"]["nodes"]
    assert [node["parts"][0]["text"] for node in messages] == [TEXT, f"You said: {TEXT}"]
