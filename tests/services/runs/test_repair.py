"""Repair on a real Redis: what a process that was lost has left is finished."""

import pytest

from pybot.services.agent.ports import Outcome
from pybot.services.records import RunStatus
from pybot.services.runs import repair
from pybot.services.runs.repair import MIN_AGE, ORPHAN_AGE
from pybot.services.store import keys
from tests.services.runs.conftest import ANN, Room


async def test_run_that_was_taken_and_lost_is_put_back(room: Room) -> None:
    """Once it is old enough that nobody is about to begin it."""
    run = await room.send()
    assert await room.queue.take() == run.id
    await room.repair().repair()
    assert await room.queued() == []
    await room.age(run.id, MIN_AGE)
    await room.repair().repair()
    assert await room.queued() == [run.id]


async def test_run_with_a_lease_is_passed_over(room: Room) -> None:
    """Its worker lives; when the lease is gone, it does not."""
    run = await room.send()
    assert await room.queue.take() == run.id
    log = room.services.run_logs.of(ANN, run, "worker")
    await log.take_up()
    await room.age(run.id, MIN_AGE)
    await room.repair().repair()
    assert await room.queued() == []
    await room.services.client.delete(keys.lease(run.id))
    await room.repair().repair()
    assert await room.queued() == [run.id]


async def test_run_that_never_came_to_exist_is_forgotten(room: Room) -> None:
    """After a minute: until then it may be about to."""
    client, run_id = room.services.client, f"{'0' * 32}.{'1' * 32}"
    run = await room.send()
    await client.zadd(keys.UNFINISHED_RUNS, {run_id: await room.noted(run.id) or 0})
    await room.age(run_id, ORPHAN_AGE - 5_000)
    await room.repair().repair()
    assert await room.noted(run_id) is not None
    await room.age(run_id, 6_000)
    await room.repair().repair()
    assert await client.zrange(keys.UNFINISHED_RUNS, 0, -1) == [run.id.encode()]
    assert run_id not in await room.queued()


async def test_run_that_has_ended_is_forgotten(room: Room) -> None:
    """By its owner's log, his limit and repair: its worker was lost just after its end."""
    run = await room.send()
    client = room.services.client
    log = room.services.run_logs.of(ANN, run, "worker")
    await log.take_up()
    before = await room.services.viewerlog.cursor(ANN)
    noted = await room.noted(run.id) or 0
    await log.end(Outcome(status=RunStatus.COMPLETED))
    await client.zadd(keys.UNFINISHED_RUNS, {run.id: noted})
    await client.zadd(keys.viewer_runs(ANN.key), {run.id: noted})
    after = await room.services.viewerlog.cursor(ANN)
    assert after > before
    await room.age(run.id, MIN_AGE)
    await room.queue.take()
    await room.repair().repair()
    assert await client.exists(keys.UNFINISHED_RUNS, keys.viewer_runs(ANN.key)) == 0
    assert await room.services.viewerlog.cursor(ANN) == after + 1
    assert await room.queued() == []


async def test_lost_runs_of_all_pages_are_put_back(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "PAGE", 1)
    runs = [await room.send() for _ in range(3)]
    for run in runs:
        assert await room.queue.take() == run.id
        await room.age(run.id, MIN_AGE)
    await room.repair().repair()
    assert set(await room.queued()) == {run.id for run in runs}
