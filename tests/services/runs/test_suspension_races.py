"""Suspensions and decisions that meet others, or an outage, between two of their steps."""

import time
from functools import partial

import pytest

from pybot.errors import Conflict, NotFound
from pybot.services.agent.ports import Suspension
from pybot.services.records import Run, RunPhase, RunStatus
from pybot.services.runs.queue import RunQueue
from pybot.services.store import keys
from tests.failures import redis_is_away
from tests.services.runs.conftest import ANN, Room
from tests.services.runs.races import act_before
from tests.services.runs.suspended import YES, suspended


async def decide(room: Room, run: Run) -> None:
    """Write what a decision writes first."""
    await room.services.client.hset(keys.run(run.id), "suspended_until", 0)


async def test_decision_after_another_servers_is_a_conflict(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before does not count here either: the write finds the other one."""
    run = await suspended(room)
    act_before(monkeypatch, room.services.client, "zadd", partial(decide, room, run))
    with pytest.raises(Conflict) as late:
        await room.services.suspensions.resume(ANN, run.id, YES)
    assert late.value.run_id == run.id
    assert await room.queued() == []


async def test_decision_counts_though_the_queue_is_out_of_reach(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repair puts the run on the queue later."""
    run = await suspended(room)
    with monkeypatch.context() as patched:
        patched.setattr(RunQueue, "add", redis_is_away)
        resumed = await room.services.suspensions.resume(ANN, run.id, YES)
    assert resumed.status is RunStatus.QUEUED
    assert await room.queued() == []
    await room.age(run.id, 3000)
    await room.repair().repair()
    assert await room.queued() == [run.id]


async def test_run_decided_while_it_was_listed_is_looked_after_at_once(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only when its patience would have ended."""
    run = await room.send()
    log = room.services.run_logs.of(ANN, run, "worker")
    await log.take_up()
    act_before(monkeypatch, room.services.viewerlog, "append", partial(decide, room, run))
    suspension = Suspension(phase=RunPhase.AWAITING_APPROVAL)
    assert await room.services.suspensions.suspend(log, ANN, suspension, 1.0) is None
    assert (await room.noted(run.id) or 0) <= time.time() * 1000


async def test_suspension_of_a_deleted_conversation_is_forgotten(room: Room) -> None:
    run = await suspended(room)
    assert await room.noted(run.id) is not None
    await room.services.client.delete(keys.conversation(run.id.partition(".")[0]))
    await room.services.suspensions.repair(run.id, 0)
    assert await room.noted(run.id) is None


async def test_run_whose_record_is_gone_is_not_there(room: Room) -> None:
    run = await suspended(room)
    await room.services.client.delete(keys.run(run.id))
    with pytest.raises(NotFound) as gone:
        await room.services.suspensions.resume(ANN, run.id, YES)
    assert gone.value.path == ("runId",)


async def test_place_of_a_run_that_was_never_suspended_is_free(room: Room) -> None:
    """Its worker was killed between the two writes, more than a minute ago."""
    most = room.services.settings.limits.max_waiting_runs
    client, waiting = room.services.client, keys.viewer_waiting(ANN.key)
    run = await room.send()
    log = room.services.run_logs.of(ANN, run, "worker")
    await log.take_up()
    suspension = Suspension(phase=RunPhase.AWAITING_APPROVAL)
    counted = [f"c.{number}" for number in range(most)]
    await client.zadd(waiting, dict.fromkeys(counted, time.time() * 1000))
    outcome = await room.services.suspensions.suspend(log, ANN, suspension, 1.0)
    assert outcome is not None
    assert outcome.status is RunStatus.INCOMPLETE
    await client.zadd(waiting, dict.fromkeys(counted, time.time() * 1000 - 61_000))
    assert await room.services.suspensions.suspend(log, ANN, suspension, 1.0) is None
    assert await client.zrange(waiting, 0, -1) == [run.id.encode()]
