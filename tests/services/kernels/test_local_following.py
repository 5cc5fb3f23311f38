"""Code that one process has sent, followed to its end by another."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

import pytest

from pybot.services.kernels.base import Done, KernelDied, Printed, Raised, Reaction
from pybot.services.kernels.local import LocalKernels
from pybot.services.local.owner_config import OwnerConfig


@pytest.fixture
async def other(kernel_owner_config: OwnerConfig) -> AsyncGenerator[LocalKernels]:
    """A second client of the owner, as another process has it."""
    kernels = LocalKernels(Path(kernel_owner_config.socket))
    yield kernels
    await kernels.aclose()


async def begun(kernels: LocalKernels, kernel_id: str, code: str) -> str:
    """Send code, read up to what it prints first, and leave it; its message ID."""
    message_id = uuid4().hex
    reactions = kernels.execute(kernel_id, code, message_id=message_id)
    async with aclosing(reactions):
        async for reaction in reactions:
            if isinstance(reaction, Printed):
                break
    return message_id


async def followed(kernels: LocalKernels, kernel_id: str, message_id: str) -> list[Reaction]:
    """All that another process gets of it."""
    return [item async for item in kernels.follow(kernel_id, message_id=message_id)]


@pytest.mark.parametrize(
    "pause", ["import time; time.sleep(1)", "import asyncio; await asyncio.sleep(1)"]
)
async def test_code_is_followed_to_its_end(
    local_kernels: LocalKernels, other: LocalKernels, local_kernel_id: str, pause: str
) -> None:
    """A follower gets its later outputs, and how it ended."""
    code = f"print('first', flush=True)\n{pause}\nprint('last')"
    message_id = await begun(local_kernels, local_kernel_id, code)
    *printed, done = await followed(other, local_kernel_id, message_id)
    assert "".join(item.text for item in printed if isinstance(item, Printed)) == "last\n"
    assert isinstance(done, Done)
    assert done.status == "ok"


async def test_error_of_followed_code_is_read(
    local_kernels: LocalKernels, other: LocalKernels, local_kernel_id: str
) -> None:
    """An exception ends it as an error."""
    code = "import time\nprint('first', flush=True)\ntime.sleep(1)\n1 / 0"
    message_id = await begun(local_kernels, local_kernel_id, code)
    *_, raised, done = await followed(other, local_kernel_id, message_id)
    assert isinstance(raised, Raised)
    assert isinstance(done, Done)
    assert done.status == "error"


@pytest.mark.parametrize("sent", [True, False])
async def test_code_that_has_ended_or_never_came_is_not_done(
    local_kernels: LocalKernels, other: LocalKernels, local_kernel_id: str, sent: bool
) -> None:
    """Nobody can say how it ended: the end comes without `Done`, and soon."""
    message_id = uuid4().hex
    if sent:
        reactions = local_kernels.execute(local_kernel_id, "1", message_id=message_id)
        assert [item async for item in reactions]
    assert await followed(other, local_kernel_id, message_id) == []


async def test_follower_gets_the_end_of_the_kernel(
    local_kernels: LocalKernels, other: LocalKernels
) -> None:
    """As the process that executes does."""
    kernel_id = await local_kernels.start(uuid4().hex, "tester")
    code = "import os, time\nprint('first', flush=True)\ntime.sleep(1)\nos.kill(os.getpid(), 9)"
    message_id = await begun(local_kernels, kernel_id, code)
    with pytest.raises(KernelDied):
        await followed(other, kernel_id, message_id)
