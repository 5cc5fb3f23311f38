"""The adapter to local kernels, beyond what every provider must do."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

import pytest

from pybot.config import MIB
from pybot.services.kernels.base import Done, KernelUnavailable, Printed
from pybot.services.kernels.local import LocalKernels
from tests.executions import run
from tests.fixtures.kernels import MakeOwner

HOSTILE = """
kernel = get_ipython().kernel
for _ in range({count}):
    content = {{"name": "stdout", "text": "y" * {size}}}
    kernel.send_response(kernel.iopub_socket, "stream", content)
"""


@pytest.fixture
async def own_kernel_id(local_kernels: LocalKernels) -> AsyncGenerator[str]:
    """A kernel that the test may break."""
    kernel_id = await local_kernels.start(uuid4().hex, "tester")
    yield kernel_id
    await local_kernels.shutdown(kernel_id)


def resident() -> int:
    """The bytes of memory that this process takes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def open_files() -> int:
    """How many files and sockets this process has open."""
    return len([*Path("/proc/self/fd").iterdir()])


@pytest.mark.parametrize(
    "code", ["print('x' * 200_000_000)", HOSTILE.format(count=40, size=5_000_000)]
)
async def test_memory_stays_flat_in_a_flood(
    local_kernels: LocalKernels, own_kernel_id: str, code: str
) -> None:
    """200 MB of output, honest or not, to a reader that is slow: bounded, with a proper end."""
    before, peak, last = resident(), 0, None
    async for reaction in local_kernels.execute(own_kernel_id, code, message_id=uuid4().hex):
        last = reaction
        await asyncio.sleep(0.01)
        peak = max(peak, resident())
    assert last == Done(status="ok", execution_count=1)
    assert peak - before < 150 * MIB


async def test_message_beyond_all_measure_does_not_hang(
    local_kernels: LocalKernels, own_kernel_id: str
) -> None:
    """A kernel that sends a message that nobody takes is cut off, and its cell ends."""
    code = HOSTILE.format(count=1, size=100_000_000)
    reactions = await run(local_kernels, own_kernel_id, code)
    assert reactions[-1] == Done(status="ok", execution_count=1)


def test_stream_has_its_limit(make_owner: MakeOwner) -> None:
    """What one cell prints ends at the limit, with a note; the next one prints again."""
    config = make_owner(stream_limit=1000)

    async def scenario() -> None:
        kernels = LocalKernels(Path(config.socket))
        kernel_id = await kernels.start("c", "tester")
        for code in ("print('x' * 5000)", "for _ in range(50): print('y' * 99, flush=True)"):
            reactions = kernels.execute(kernel_id, code, message_id=uuid4().hex)
            text = "".join([item.text async for item in reactions if isinstance(item, Printed)])
            assert text[1000:] == "\n[Output beyond 1,000 characters was dropped.]\n"
        await kernels.aclose()

    asyncio.run(scenario())


async def test_closing_early_gives_everything_back(
    local_kernels: LocalKernels, own_kernel_id: str
) -> None:
    """A reader that leaves keeps no socket open and no task running."""

    async def leave() -> None:
        running = local_kernels.execute(own_kernel_id, "print(1)", message_id=uuid4().hex)
        async with aclosing(running):
            await anext(running)

    await leave()
    tasks, files = len(asyncio.all_tasks()), open_files()
    for _ in range(20):
        await leave()
    async with asyncio.timeout(5):
        while open_files() > files:  # noqa: ASYNC110 (libzmq closes in a thread of its own)
            await asyncio.sleep(0.01)
    assert len(asyncio.all_tasks()) == tasks


async def test_messages_signed_with_another_key_are_passed_over(
    local_kernels: LocalKernels, own_kernel_id: str
) -> None:
    """Only what is signed with the kernel's key is read."""
    code = (
        "kernel = get_ipython().kernel; key, kernel.session.key = kernel.session.key, b'wrong'\n"
        "print('forged', flush=True); kernel.session.key = key; print('true')"
    )
    reactions = local_kernels.execute(own_kernel_id, code, message_id=uuid4().hex)
    said = [item.text async for item in reactions if isinstance(item, Printed)]
    assert said == ["true\n"]


async def test_without_an_owner_kernels_are_unavailable(tmp_path: Path) -> None:
    """The message says what is missing."""
    kernels = LocalKernels(tmp_path / "no.sock")
    for call in (kernels.check(), kernels.start("c", "tester"), kernels.shutdown("k")):
        with pytest.raises(KernelUnavailable, match="pybot up"):
            await call
    await kernels.aclose()
