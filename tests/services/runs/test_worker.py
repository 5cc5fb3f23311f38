"""Workers with scripted answers: slots, hand-over, cancelling, and loops that fail."""

import asyncio
import time

import pytest

from pybot.errors import Unavailable
from pybot.services.background.repairing import repair_repeatedly
from pybot.services.background.supervisor import Supervisor
from pybot.services.records import RunStatus
from pybot.services.store import keys
from tests.services.runs.conftest import ANN, Room, ScriptedAnswers, until


async def test_worker_takes_runs_only_while_it_has_a_free_slot(room: Room) -> None:
    """The others wait for a worker that has one."""
    runs = [await room.send(f"m{number}") for number in range(4)]
    busy, free = ScriptedAnswers(), ScriptedAnswers()
    async with room.worker(busy, concurrency=2):
        await until(lambda: len(busy.begun) == 2)
        await asyncio.sleep(0.2)
        assert {*busy.begun, *await room.queued()} == {run.id for run in runs}
        async with room.worker(free):
            await until(lambda: len(free.begun) == 2)
            for answers in (busy, free):
                answers.gate.set()
            for run in runs:
                await room.until(run, RunStatus.COMPLETED)
    assert sorted(busy.begun + free.begun) == sorted(run.id for run in runs)
    assert busy.most == 2
    assert await room.services.client.exists(keys.UNFINISHED_RUNS) == 0


async def test_worker_that_stops_hands_over_at_once(room: Room) -> None:
    """Another one begins in milliseconds, at the next attempt."""
    run = await room.send()
    first, second = ScriptedAnswers(), ScriptedAnswers()
    async with room.worker(first):
        await until(lambda: len(first.begun) == 1)
        other = room.worker(second)
        # The first has a free slot as well, and takes nothing any more.
        await other.__aenter__()
        begun = time.monotonic()
    await until(lambda: len(second.begun) == 1)
    assert time.monotonic() - begun < 0.5
    second.gate.set()
    await room.until(run, RunStatus.COMPLETED)
    await other.__aexit__(None, None, None)
    assert len(first.begun) == 1


async def test_worker_that_stops_alone_leaves_its_runs_on_the_queue(room: Room) -> None:
    """Without a lease, so that the next worker takes them up at once."""
    run = await room.send()
    answers = ScriptedAnswers()
    async with room.worker(answers):
        await until(lambda: len(answers.begun) == 1)
        assert await room.services.client.exists(keys.lease(run.id))
    assert await room.queued() == [run.id]
    assert not await room.services.client.exists(keys.lease(run.id))
    assert await room.status(run) is RunStatus.IN_PROGRESS


async def test_worker_stops_although_redis_does_not_wake_it(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for a run ends with the time that it waits at most; nothing is raised."""

    async def refuse(_: object) -> None:
        raise Unavailable("Redis is away")

    monkeypatch.setattr("pybot.services.runs.queue.RunQueue.wake", refuse)
    async with room.worker(ScriptedAnswers()):
        pass
    run = await room.send()
    assert await room.queued() == [run.id]


async def test_cancelled_run_ends_in_milliseconds(room: Room) -> None:
    """By the notice that is published."""
    run = await room.send()
    answers = ScriptedAnswers()
    async with room.worker(answers):
        await until(lambda: len(answers.begun) == 1)
        begun = time.monotonic()
        await room.services.runs.cancel(ANN, run.id)
        await room.until(run, RunStatus.CANCELLED)
        assert time.monotonic() - begun < 0.5


async def test_cancellation_is_seen_without_a_notice(room: Room) -> None:
    """By the next renewal of the lease."""
    run = await room.send()
    answers = ScriptedAnswers()
    async with room.worker(answers):
        await until(lambda: len(answers.begun) == 1)
        room.services.hub.on_notice.clear()
        await room.services.runs.cancel(ANN, run.id)
        await room.until(run, RunStatus.CANCELLED)


async def test_run_that_was_cancelled_under_a_lost_worker_is_not_answered(room: Room) -> None:
    """Whoever takes it up looks at the mark first; one that was not cancelled is answered."""
    cancelled, other = await room.send(), await room.send()
    for run in (cancelled, other):
        await room.services.run_logs.of(ANN, run, "lost").take_up()
        await room.services.client.delete(keys.lease(run.id))
    await room.services.runs.cancel(ANN, cancelled.id)
    assert await room.status(cancelled) is RunStatus.IN_PROGRESS
    await room.queue.add(cancelled.id)
    answers = ScriptedAnswers()
    answers.gate.set()
    async with room.worker(answers):
        await room.until(cancelled, RunStatus.CANCELLED)
        await room.until(other, RunStatus.COMPLETED)
    assert answers.begun == [other.id]


async def test_notice_alone_cancels_nothing(room: Room) -> None:
    """The mark in the run counts."""
    run = await room.send()
    answers = ScriptedAnswers()
    async with room.worker(answers) as worker:
        await until(lambda: len(answers.begun) == 1)
        worker.check_cancelled(run.id)
        await asyncio.sleep(0.2)
        assert answers.going_on == 1
        answers.gate.set()
        await room.until(run, RunStatus.COMPLETED)


async def test_run_that_another_worker_has_is_left_to_it(room: Room) -> None:
    """A run that is on the queue once more takes nothing away."""
    run = await room.send()
    first, second = ScriptedAnswers(), ScriptedAnswers()
    async with room.worker(first, concurrency=1), room.worker(second):
        await until(lambda: first.begun + second.begun)
        await room.queue.add(run.id)
        await asyncio.sleep(0.3)
        assert len(first.begun + second.begun) == 1
        first.gate.set()
        second.gate.set()
        await room.until(run, RunStatus.COMPLETED)


async def test_loop_that_fails_is_seen(
    room: Room, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that takes runs, and repair: the supervisor knows."""

    async def bug(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("pybot.services.runs.queue.RunQueue.take", bug)
    async with room.worker(ScriptedAnswers()):
        await until(lambda: room.services.supervisor.failure)
    assert "worker" in room.services.supervisor.failure
    repair = room.repair()
    monkeypatch.setattr(repair, "repair", bug)
    await supervisor.start(repair_repeatedly(repair, "repair", 1), "repair of runs")
    assert "repair of runs" in supervisor.failure
