"""Functions that fail in place of others, and what the log says of it."""

import asyncio
from typing import NoReturn

import pytest

from pybot.errors import Unavailable
from pybot.services.background.supervisor import Supervisor

BUG = "a bug of the test"


def bug(*_: object, **__: object) -> None:
    """Replaces a function: raises an unexpected error."""
    raise RuntimeError(BUG)


async def async_bug(*_: object, **__: object) -> None:
    """The same for a coroutine function."""
    raise RuntimeError(BUG)


async def redis_is_away(*_: object) -> NoReturn:
    """Replaces what asks Redis, while it is out of reach."""
    raise Unavailable("Redis is away")


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
