"""A loop that fails is logged with its name and reported once; others end quietly."""

import asyncio

import pytest

from pybot.services.background.supervisor import Supervisor


async def failing() -> None:
    """Meet something that no loop knows."""
    await asyncio.sleep(0)
    raise KeyError("a bug")


async def test_failure_is_logged_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    """Once, with the loop's name and the traceback; waiting for the task raises nothing."""
    failures: list[str] = []
    supervisor = Supervisor(failures.append)
    async with supervisor.running():
        await supervisor.start(failing(), "painter")
        await supervisor.start(failing(), "second painter")
    assert supervisor.failure == "the painter has failed: see the log"
    assert failures == [supervisor.failure]
    logged = [record for record in caplog.records if record.exc_info]
    assert [record.getMessage() for record in logged] == [
        "the painter has failed",
        "the second painter has failed",
    ]
    assert "KeyError: 'a bug'" in caplog.text


async def test_cancellation_of_what_a_loop_waits_for_is_a_failure() -> None:
    """Else the loop would end and nobody would know."""
    supervisor = Supervisor()
    waited_for: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        await waited_for

    task = supervisor.start(wait(), "painter")
    await asyncio.sleep(0)
    waited_for.cancel()
    await task
    assert supervisor.failure == "the painter has failed: see the log"


async def test_end_that_was_asked_for_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    """A loop may return, be cancelled by its owner, or go on until the supervisor ends."""
    supervisor = Supervisor(lambda _: pytest.fail("nothing has failed"))
    async with supervisor.running():
        await supervisor.start(asyncio.sleep(0), "returning loop")
        cancelled = supervisor.start(asyncio.sleep(60), "cancelled loop")
        await asyncio.sleep(0)
        cancelled.cancel()
        left = supervisor.start(asyncio.sleep(60), "other loop")
        await asyncio.sleep(0)
    assert cancelled.cancelled()
    assert left.cancelled()
    assert supervisor.failure == ""
    assert not caplog.records
