"""The limit of runs at once, on a real Redis: its boundary, and what counts no more."""

import time
from typing import Any

import pytest

from pybot.errors import LimitExceeded
from pybot.services.agent.ports import Outcome
from pybot.services.records import RunStatus, Viewer
from pybot.services.runs.quota import NEVER_STARTED, RunQuota
from pybot.services.store import keys
from tests.services.runs.conftest import ANN, Room

MOST = 2


async def counted(room: Room) -> list[str]:
    """The runs that count, in the order in which they were admitted."""
    found: Any = await room.services.client.zrange(keys.viewer_runs(ANN.key), 0, -1)
    return [each.decode() for each in found]


async def test_as_many_as_allowed_are_admitted_and_no_more(room: Room) -> None:
    """Each viewer has a limit of their own; a released run makes room."""
    quota = RunQuota(room.services.client, MOST)
    for run_id in ("c.a", "c.b"):
        await quota.admit(ANN, run_id)
    with pytest.raises(LimitExceeded, match="You have 2 answers"):
        await quota.admit(ANN, "c.c")
    await quota.admit(Viewer(username="bob"), "d.c")
    assert await counted(room) == ["c.a", "c.b"]
    await quota.release(ANN, "c.a")
    await quota.admit(ANN, "c.c")
    assert await counted(room) == ["c.b", "c.c"]


async def test_run_that_is_admitted_again_counts_once(room: Room) -> None:
    """Also where nothing else has room."""
    quota = RunQuota(room.services.client, MOST)
    for run_id in ("c.a", "c.b", "c.a"):
        await quota.admit(ANN, run_id)
    assert await counted(room) == ["c.a", "c.b"]


async def test_run_that_has_ended_makes_room_though_it_still_counts(room: Room) -> None:
    """Its worker was killed just after its end; a run in progress or suspended makes none."""
    ended, going_on = [await room.send(), await room.send()]
    log = room.services.run_logs.of(ANN, ended, "worker")
    await log.take_up()
    await log.end(Outcome(status=RunStatus.COMPLETED))
    await room.services.client.zadd(keys.viewer_runs(ANN.key), {ended.id: 1})
    quota = RunQuota(room.services.client, MOST)
    await quota.admit(ANN, "c.a")
    assert await counted(room) == [going_on.id, "c.a"]
    with pytest.raises(LimitExceeded):
        await quota.admit(ANN, "c.b")
    assert await counted(room) == [going_on.id, "c.a"]


@pytest.mark.parametrize("is_late", [False, True])
async def test_run_that_was_never_started_makes_room_after_its_time(
    room: Room, is_late: bool
) -> None:
    """Its server may be about to begin it until then; after that it was killed."""
    age = NEVER_STARTED + 5_000 if is_late else NEVER_STARTED - 5_000
    at = int(time.time() * 1000) - age
    await room.services.client.zadd(keys.viewer_runs(ANN.key), {"c.a": at, "c.b": at})
    quota = RunQuota(room.services.client, MOST)
    if is_late:
        await quota.admit(ANN, "c.c")
        assert await counted(room) == ["c.c"]
    else:
        with pytest.raises(LimitExceeded):
            await quota.admit(ANN, "c.c")
        assert await counted(room) == ["c.a", "c.b"]
