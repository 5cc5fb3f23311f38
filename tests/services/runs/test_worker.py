"""Workers with scripted answers: slots, hand-over, cancelling, and loops that fail."""

import asyncio
import time

import pytest

from pybot.errors import Unavailable
from pybot.services.background.repairing import repair_repeatedly
from pybot.services.background.supervisor import Supervisor
from pybot.services.records import Run, RunErrorCode, RunStatus
from pybot.services.runs.log import FencedLog
from pybot.services.runs.queue import RunQueue
from pybot.services.runs.repair import Repair
from pybot.services.store import keys
from tests.failures import BUG, async_bug, failures_logged, redis_is_away
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
    monkeypatch.setattr(RunQueue, "wake", redis_is_away)
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


async def test_worker_goes_on_after_an_outage(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes runs again once Redis is back, and so is repair."""
    calls = list[str]()

    def out_of_reach_once(target: type, name: str) -> None:
        original = getattr(target, name)

        async def once(self: object) -> object:
            calls.append(name)
            if calls.count(name) == 1:
                raise Unavailable("Redis is away")
            return await original(self)

        monkeypatch.setattr(target, name, once)

    monkeypatch.setattr("pybot.services.runs.worker.REDIS_PAUSE", 0.01)
    out_of_reach_once(RunQueue, "take")
    out_of_reach_once(Repair, "repair")
    run = await room.send()
    answers = ScriptedAnswers()
    answers.gate.set()
    supervisor = room.services.supervisor
    supervisor.start(repair_repeatedly(room.repair(), "repair", 0.01), "repair of the test")
    async with room.worker(answers):
        await room.until(run, RunStatus.COMPLETED)
    await until(lambda: calls.count("repair") > 1)
    assert supervisor.failure == ""


async def test_run_taken_while_its_worker_stops_is_handed_over(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis gave it out just before; whoever cannot put it back leaves it to repair."""
    take = RunQueue.take
    for is_redis_away in (False, True):
        run, taking, given = await room.send(), asyncio.Event(), asyncio.Event()

        async def take_late(_: object, run: Run = run) -> str:
            await take(room.queue)
            taking.set()  # noqa: B023 (called in the same turn)
            await given.wait()  # noqa: B023
            return run.id

        async def give(_: object) -> None:
            given.set()  # noqa: B023

        with monkeypatch.context() as patched:
            patched.setattr(RunQueue, "take", take_late)
            patched.setattr(RunQueue, "wake", give)
            if is_redis_away:
                patched.setattr(RunQueue, "add", redis_is_away)
            answers = ScriptedAnswers()
            async with room.worker(answers):
                await taking.wait()
        assert answers.begun == []
        assert await room.queued() == ([] if is_redis_away else [run.id])
        assert await room.noted(run.id) is not None
        await room.services.client.delete(keys.QUEUE)


async def test_bug_in_an_answer_fails_its_run_alone(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The user is given an ID, under which the log has the traceback."""
    answers = ScriptedAnswers()
    monkeypatch.setattr(answers, "answer", async_bug)
    run = await room.send()
    async with room.worker(answers):
        await room.until(run, RunStatus.FAILED)
    snapshot = await room.services.snapshots.open(ANN, run.id.partition(".")[0])
    error = (await room.services.snapshots.run(snapshot, run.id)).error
    assert error is not None
    assert error.code is RunErrorCode.INTERNAL
    assert BUG not in error.message
    (logged,) = failures_logged(caplog)
    assert logged.rpartition("=")[2] in error.message


async def test_run_whose_lease_cannot_be_renewed_goes_on(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis may be back before the lease ends."""
    run = await room.send()
    answers, tries = ScriptedAnswers(), list[None]()

    async def refuse(_: object) -> bool:
        tries.append(None)
        raise Unavailable("Redis is away")

    monkeypatch.setattr(FencedLog, "renew_lease", refuse)
    async with room.worker(answers) as worker:
        await until(lambda: answers.begun)
        for count in (1, 2):
            worker.check_cancelled(run.id)
            await until(lambda: len(tries) >= count)  # noqa: B023 (called at once)
        answers.gate.set()
        await room.until(run, RunStatus.COMPLETED)


async def test_bug_around_an_answer_leaves_its_run_to_repair(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker goes on with others."""
    run = await room.send()
    with monkeypatch.context() as patched:
        patched.setattr("pybot.services.runs.attempt.Attempt._once", async_bug)
        async with room.worker(ScriptedAnswers()):
            await until(lambda: failures_logged(caplog))
    assert failures_logged(caplog) == [f"run={run.id} failed and waits for repair"]
    assert await room.noted(run.id) is not None


async def test_lease_that_cannot_be_released_runs_out(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker ends all the same, and the next one waits for it."""
    monkeypatch.setattr("pybot.services.runs.fence.Lease.release", redis_is_away)
    run = await room.send()
    answers = ScriptedAnswers()
    async with room.worker(answers):
        await until(lambda: answers.begun)
    assert "the lease is not released: Redis is away" in caplog.text
    assert await room.services.client.exists(keys.lease(run.id))
