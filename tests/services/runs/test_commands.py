"""Commands on runs that meet a deletion, a worker or an outage between two of their steps."""

import logging

import pytest

from pybot.errors import NotFound
from pybot.services.records import RunStatus, conversation_of
from pybot.services.runs.log import FencedLog
from pybot.services.runs.queue import RunQueue
from pybot.services.store import keys
from tests.failures import redis_is_away
from tests.services.runs.conftest import ANN, Room
from tests.services.runs.races import act_before


async def test_conversation_deleted_in_the_moment_of_a_cancellation(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read before does not count: the write finds that it is gone."""
    run = await room.send()
    client = room.services.client

    async def delete() -> None:
        await client.hset(keys.conversation(conversation_of(run.id)), "deleted_at", 1)

    act_before(monkeypatch, room.services.snapshots, "run", delete)
    with pytest.raises(NotFound) as gone:
        await room.services.runs.cancel(ANN, run.id)
    assert gone.value.path == ("runId",)
    assert await client.hget(keys.run(run.id), "cancelled") == b"0"


async def test_run_taken_up_in_the_moment_of_its_cancellation_is_left_to_its_worker(
    room: Room, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who sees the mark, and ends it."""
    run = await room.send()
    act_before(monkeypatch, FencedLog, "end", room.services.run_logs.of(ANN, run, "worker").take_up)
    with caplog.at_level(logging.INFO, "pybot"):
        _, left = await room.services.runs.cancel(ANN, run.id)
    assert left.status is RunStatus.IN_PROGRESS
    assert await room.services.client.hget(keys.run(run.id), "cancelled") == b"1"
    assert f"run={run.id} was taken up while it was cancelled" in caplog.text


async def test_message_counts_though_the_queue_is_out_of_reach(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Repair puts its run on the queue later."""
    with monkeypatch.context() as patched:
        patched.setattr(RunQueue, "add", redis_is_away)
        run = await room.send()
    assert run.status is RunStatus.QUEUED
    assert await room.queued() == []
    await room.age(run.id, 3000)
    await room.repair().repair()
    assert await room.queued() == [run.id]
