"""Runs that wait for a person, on a real Redis, suspended by a scripted tool."""

import asyncio
import time

import pytest

from pybot.errors import Conflict, NotFound
from pybot.services.agent.ports import Decision, Suspension
from pybot.services.records import Run, RunPhase, RunStatus, Viewer
from pybot.services.store import keys
from tests.services.runs.conftest import ANN, USAGE, Room, until
from tests.services.runs.races import act_before
from tests.services.runs.suspended import YES, suspended, suspending, until_suspended

DAY = 24 * 60 * 60 * 1000  # ms


async def pass_time(room: Room, run: Run, milliseconds: int) -> None:
    """Let so much time pass for a run that waits."""
    key = keys.run(run.id)
    await room.services.client.hincrby(key, "suspended_until", -milliseconds)
    await room.age(run.id, milliseconds)


async def test_run_that_waits_holds_nothing_and_goes_on_at_its_decision(room: Room) -> None:
    """A day later it has no slot and no lease, and is not counted; then it is resumed."""
    run = await room.send()
    other = await room.send("another")
    client, answers = room.services.client, suspending()
    async with room.worker(answers, concurrency=1):
        for each in (run, other):  # one after the other through one slot
            await until_suspended(room, each)
            await pass_time(room, each, DAY)
        await room.repair().repair()
        assert await room.queued() == []
        assert not await client.exists(keys.lease(run.id), keys.viewer_runs(ANN.key))
        assert await client.zcard(keys.viewer_waiting(ANN.key)) == 2
        assert len(answers.begun) == 2
        snapshot = await room.services.snapshots.open(ANN, run.id.partition(".")[0])
        assert snapshot.conversation.active_run_id == run.id
        assert snapshot.run is not None
        assert (snapshot.run.status, snapshot.run.phase, snapshot.run.usage) == (
            RunStatus.IN_PROGRESS,
            RunPhase.AWAITING_APPROVAL,
            USAGE,
        )
        await room.services.suspensions.resume(ANN, run.id, YES)
        await room.until(run, RunStatus.COMPLETED)
    resumption = answers.resumptions[-1]
    assert (resumption.decision, resumption.usage) == (YES, USAGE)
    assert 0 <= resumption.worked < 10
    assert await client.zrange(keys.viewer_waiting(ANN.key), 0, -1) == [other.id.encode()]


async def test_run_goes_on_within_100_ms_of_its_decision(room: Room) -> None:
    """The fastest of five: on a busy machine one alone may have to wait for the processor."""
    answers, took = suspending(), list[float]()
    async with room.worker(answers):
        for _ in range(5):
            run = await room.send()
            await until_suspended(room, run)
            begun = len(answers.begun)
            decided = time.monotonic()
            await room.services.suspensions.resume(ANN, run.id, YES)
            await until(lambda: len(answers.begun) > begun)  # noqa: B023 (called at once)
            took.append(time.monotonic() - decided)
            await room.until(run, RunStatus.COMPLETED)
    assert min(took) < 0.1


async def test_only_one_decision_wins(room: Room) -> None:
    """Of many at once; the others are conflicts, also later."""
    run = await suspended(room)
    decisions = [Decision(text=str(number)) for number in range(10)]
    resuming = [room.services.suspensions.resume(ANN, run.id, each) for each in decisions]
    results = await asyncio.gather(*resuming, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Conflict)]
    assert (len(refused), refused[0].run_id) == (9, run.id)
    answers = suspending()
    async with room.worker(answers):
        await room.until(run, RunStatus.COMPLETED)
    won = next(at for at, result in enumerate(results) if isinstance(result, Run))
    assert answers.resumptions[0].decision == decisions[won]
    with pytest.raises(Conflict):
        await room.services.suspensions.resume(ANN, run.id, YES)


async def test_run_of_somebody_else_is_not_there(room: Room) -> None:
    """And one that does not wait is a conflict."""
    run = await suspended(room)
    with pytest.raises(NotFound) as unknown:
        await room.services.suspensions.resume(Viewer(username="bob"), run.id, YES)
    assert unknown.value.path == ("runId",)
    with pytest.raises(NotFound) as never_was:
        await room.services.suspensions.resume(ANN, f"{run.id}0", YES)
    assert never_was.value.path == ("runId",)
    queued = await room.send()
    with pytest.raises(Conflict):
        await room.services.suspensions.resume(ANN, queued.id, YES)


@pytest.mark.parametrize(
    ("phase", "seconds"),
    [(RunPhase.AWAITING_APPROVAL, 7 * 24 * 60 * 60), (RunPhase.AWAITING_INPUT, 600)],
)
async def test_patience_ends(room: Room, phase: RunPhase, seconds: int) -> None:
    """Not before its time; then the run is resumed with an expired decision."""
    run = await suspended(room, phase)
    await pass_time(room, run, seconds * 1000 - 30_000)
    await room.repair().repair()
    assert await room.queued() == []
    await pass_time(room, run, 40_000)
    await room.repair().repair()
    assert await room.queued() == [run.id]
    answers = suspending()
    async with room.worker(answers):
        await room.until(run, RunStatus.COMPLETED)
    assert answers.resumptions[0].decision == Decision(has_expired=True)


async def test_cancelling_a_run_that_waits_ends_it_without_a_worker(room: Room) -> None:
    """At once, and it waits no longer."""
    run = await suspended(room)
    _, cancelled = await room.services.runs.cancel(ANN, run.id)
    assert cancelled.status is RunStatus.CANCELLED
    client = room.services.client
    assert not await client.exists(keys.viewer_waiting(ANN.key), keys.UNFINISHED_RUNS)
    snapshot = await room.services.snapshots.open(ANN, run.id.partition(".")[0])
    assert snapshot.run is None
    with pytest.raises(Conflict):
        await room.services.suspensions.resume(ANN, run.id, YES)


async def test_run_that_was_cancelled_does_not_wait(room: Room) -> None:
    """The mark that nobody has seen yet is found by the write that would suspend it."""
    run = await room.send()
    log = room.services.run_logs.of(ANN, run, "worker")
    await log.take_up()
    await room.services.client.hset(keys.run(run.id), "cancelled", "1")
    suspension = Suspension(phase=RunPhase.AWAITING_APPROVAL)
    outcome = await room.services.suspensions.suspend(log, ANN, suspension, 1.0)
    assert outcome is not None
    assert outcome.status is RunStatus.CANCELLED
    assert not await room.services.client.exists(keys.viewer_waiting(ANN.key))


async def test_run_of_a_deleted_conversation_is_not_there(room: Room) -> None:
    """A decision comes too late, and puts nothing on the queue."""
    run = await suspended(room)
    await room.services.conversations.delete(ANN, [run.id.partition(".")[0]])
    with pytest.raises(NotFound) as gone:
        await room.services.suspensions.resume(ANN, run.id, YES)
    assert gone.value.path == ("runId",)
    assert await room.queued() == []


async def test_conversation_deleted_in_the_moment_of_a_decision(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before does not count: the write finds that it is gone."""
    run = await suspended(room)
    client = room.services.client

    async def delete() -> None:
        await client.hset(keys.conversation(run.id.partition(".")[0]), "deleted_at", 1)

    act_before(monkeypatch, client, "zadd", delete)
    with pytest.raises(NotFound) as gone:
        await room.services.suspensions.resume(ANN, run.id, YES)
    assert gone.value.path == ("runId",)
    assert await room.queued() == []


async def test_those_that_wait_have_a_limit_of_their_own(room: Room) -> None:
    """The one too many ends INCOMPLETE, with the next step; there is room after a decision."""
    most = room.services.settings.limits.max_waiting_runs
    async with room.worker(suspending()):
        runs = list[Run]()
        for number in range(most):
            runs.append(await room.send(f"m{number}"))
            await until_suspended(room, runs[-1])
        late = await room.send("one too many")
        await room.until(late, RunStatus.INCOMPLETE)
        await room.services.suspensions.resume(ANN, runs[0].id, YES)
        await room.until(runs[0], RunStatus.COMPLETED)
        await until_suspended(room, await room.send("there is room"))
    snapshot = await room.services.snapshots.open(ANN, late.id.partition(".")[0])
    error = (await room.services.snapshots.run(snapshot, late.id)).error
    assert error is not None
    assert str(most) in error.message
    assert "decide about one" in error.message


async def test_suspension_that_broke_off_is_finished(room: Room) -> None:
    """The worker was killed just after its write: nothing around the run says that it waits."""
    run = await suspended(room)
    client, deadline = room.services.client, await room.noted(run.id)
    await client.zadd(keys.UNFINISHED_RUNS, {run.id: 1})
    await client.zrem(keys.viewer_waiting(ANN.key), run.id)
    await client.zadd(keys.viewer_runs(ANN.key), {run.id: 1})
    await room.repair().repair()
    assert await room.noted(run.id) == deadline
    assert await client.zrange(keys.viewer_waiting(ANN.key), 0, -1) == [run.id.encode()]
    assert not await client.exists(keys.viewer_runs(ANN.key))
    assert await room.queued() == []


async def test_decision_that_did_not_reach_the_queue_is_finished(room: Room) -> None:
    """Whoever decided was killed just after the write."""
    run = await suspended(room)
    await room.services.suspensions.resume(ANN, run.id, YES)
    assert await room.queue.take() == run.id
    await room.age(run.id, 3000)
    await room.repair().repair()
    assert await room.queued() == [run.id]


async def test_run_that_waits_is_not_taken_up(room: Room) -> None:
    """Though it is on the queue once more, from before."""
    run = await suspended(room)
    await room.queue.add(run.id)
    answers = suspending()
    async with room.worker(answers):
        async with asyncio.timeout(30):
            while await room.queued():  # noqa: ASYNC110 (Redis has it)
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
    assert answers.begun == []
    assert await room.queued() == []


async def test_cancelled_run_that_waited_has_what_it_used(room: Room) -> None:
    """No worker has it: it is ended where it is cancelled."""
    run = await suspended(room)
    _, cancelled = await room.services.runs.cancel(ANN, run.id)
    assert (cancelled.status, cancelled.usage) == (RunStatus.CANCELLED, USAGE)
    (used,) = await room.services.viewerlog.usage(ANN, None)
    assert (used.run_id, used.tokens) == (run.id, USAGE)
