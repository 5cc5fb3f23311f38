"""Every provider of kernels, for the tests of what all of them must do."""

from collections.abc import AsyncGenerator
from uuid import uuid4

import pytest

from pybot.services.kernels.base import Kernels


@pytest.fixture(params=["local", "gateway"])
def kernels(request: pytest.FixtureRequest) -> Kernels:
    """A provider."""
    provider: Kernels = request.getfixturevalue(f"{request.param}_kernels")
    return provider


@pytest.fixture
def kernel_id(request: pytest.FixtureRequest, kernels: Kernels) -> str:
    """A kernel that all tests of one provider share."""
    adapter = request.node.callspec.params["kernels"]
    found: str = request.getfixturevalue(f"{adapter}_kernel_id")
    return found


@pytest.fixture
async def own_kernel_id(kernels: Kernels) -> AsyncGenerator[str]:
    """A kernel that a test may kill."""
    kernel_id = await kernels.start(uuid4().hex, "tester")
    yield kernel_id
    await kernels.shutdown(kernel_id)
