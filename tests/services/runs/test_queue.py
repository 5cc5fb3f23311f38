"""The queue of runs on a real Redis: its order, its end of waiting, and its notices."""

import asyncio
import time
from typing import Any

from pybot.services.runs.queue import BLOCK, WAKE_EXPIRES, RunQueue
from pybot.services.store import keys
from tests.services.runs.conftest import Room


async def test_runs_are_taken_in_the_order_in_which_they_were_added(room: Room) -> None:
    """One that is added again stays in its place."""
    for run_id in ("c.a", "c.b", "c.a"):
        await room.queue.add(run_id)
        await asyncio.sleep(0.002)  # two of one millisecond have no order
    assert [await room.queue.take() for _ in range(2)] == ["c.a", "c.b"]
    assert await room.queued() == []


async def test_each_run_is_taken_once(room: Room) -> None:
    """However many take at once."""
    run_ids = [f"c.{number}" for number in range(20)]
    takers = [RunQueue(room.services.client) for _ in run_ids]
    taking = [asyncio.create_task(taker.take()) for taker in takers]
    await room.queue.add(*run_ids)
    assert sorted(filter(None, await asyncio.gather(*taking))) == sorted(run_ids)


async def test_wait_for_a_run_ends_when_one_comes(room: Room) -> None:
    """Or after a while without one."""
    taking = asyncio.create_task(room.queue.take())
    await asyncio.sleep(0.1)
    begun = time.monotonic()
    await room.queue.add("c.a")
    assert await taking == "c.a"
    assert time.monotonic() - begun < BLOCK / 4
    assert await room.queue.take() is None
    assert time.monotonic() - begun > BLOCK / 2


async def test_worker_that_stops_waits_no_longer(room: Room) -> None:
    """Only its own wait ends, and what comes afterwards is another's."""
    stopping, other = RunQueue(room.services.client), RunQueue(room.services.client)
    waiting = [asyncio.create_task(queue.take()) for queue in (stopping, other)]
    await asyncio.sleep(0.1)
    begun = time.monotonic()
    await stopping.wake()
    assert await waiting[0] is None
    assert time.monotonic() - begun < BLOCK / 4
    await room.queue.add("c.a")
    assert await waiting[1] == "c.a"


async def test_cancelling_takes_a_run_off_the_queue_and_publishes_it(room: Room) -> None:
    """The others stay."""
    noticed = asyncio.Queue[str]()
    room.services.hub.on_notice.append(noticed.put_nowait)
    await room.queue.add("c.a", "c.b")
    await room.queue.cancel("c.a")
    assert await room.queued() == ["c.b"]
    async with asyncio.timeout(5):
        assert await noticed.get() == "c.a"


async def test_word_to_a_worker_that_does_not_wait_is_not_left(room: Room) -> None:
    """It was killed before it looked again."""
    await room.queue.wake()
    found: Any = await room.services.client.keys(keys.queue_wake("*"))
    (name,) = found
    assert 0 < await room.services.client.ttl(name) <= WAKE_EXPIRES
