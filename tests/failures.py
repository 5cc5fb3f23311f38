"""What the log says of loops that have failed."""

import asyncio

import pytest

from pybot.services.background.supervisor import Supervisor

BUG = "a bug of the test"


def bug(*_: object, **__: object) -> None:
    """Replaces a function: raises an unexpected error."""
    raise RuntimeError(BUG)


async def async_bug(*_: object, **__: object) -> None:
    """The same for a coroutine function."""
    raise RuntimeError(BUG)


async def until_failed(supervisor: Supervisor) -> None:
    """Wait until a loop has failed."""
    async with asyncio.timeout(5):
        while not supervisor.failure:  # noqa: ASYNC110 (a supervisor has one listener, the process)
            await asyncio.sleep(0.01)


def failures_logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The messages that came with a traceback of the bug."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.exc_info and record.exc_info[1] is not None and BUG in str(record.exc_info[1])
    ]
