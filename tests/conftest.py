"""What every test may use; larger fixtures are plugins in `tests/fixtures/`."""

import pytest

pytest_plugins = [
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
