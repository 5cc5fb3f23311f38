"""What every test may use; larger fixtures are plugins in `tests/fixtures/`."""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from functools import wraps

import pytest

# What is asynchronous ends itself before pytest-timeout ends the whole process, so that its
# fixtures are still taken down.
TEST_TIMEOUT = 100.0  # seconds
TIMEOUT_MARGIN = 20.0  # seconds, where a test has a time of its own

Test = Callable[..., Coroutine[None, None, None]]

pytest_plugins = [
    "tests.fixtures.chance",
    "tests.fixtures.groups",
    "tests.fixtures.measures",
    "tests.fixtures.soak",
    "tests.fixtures.kernels",  # the others import it
    "tests.fixtures.gateway",
    "tests.fixtures.pybot_process",
    "tests.fixtures.redis",
    "tests.fixtures.server",
]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio, the one loop that Pybot runs on."""
    return "asyncio"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every asynchronous test an end."""
    for item in items:
        if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.obj):
            marker = item.get_closest_marker("timeout")
            timeout = marker.args[0] - TIMEOUT_MARGIN if marker else TEST_TIMEOUT
            item.obj = ended_in_time(item.obj, timeout)


def ended_in_time(test: Test, timeout: float) -> Test:
    """The test, failed when it takes longer than so many seconds."""

    @wraps(test)
    async def limited(**arguments: object) -> None:
        async with asyncio.timeout(timeout):
            await test(**arguments)

    return limited
