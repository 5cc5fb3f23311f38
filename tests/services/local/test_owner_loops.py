"""The loops of the kernel owner, and of its clients: a bug in one is seen."""

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest

from pybot.services.kernels.base import KernelUnavailable
from pybot.services.kernels.local import LocalKernels
from pybot.services.kernels.owner_client import OwnerClient
from pybot.services.kernels.owner_protocol import KernelEnded, encode
from pybot.services.local.owner_config import OwnerConfig
from tests.failures import BUG, bug
from tests.fixtures.kernels import KERNEL_PYTHON

# The owner with a bug in one of its loops.
FAILING_OWNER = """
import sys
from pybot.services.local import kernel_owner
from pybot.services.local.kernel_pool import KernelPool
from tests.failures import bug
if sys.argv.pop() == "culling":
    KernelPool._idle_for = bug
else:
    answers = [bug, kernel_owner.os.getppid]
    kernel_owner.os.getppid = lambda: answers.pop()()
kernel_owner.main()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name, for sockets."""
    with tempfile.TemporaryDirectory(prefix="pybot-test-") as name:
        yield Path(name)


@pytest.mark.parametrize(
    ("loop", "named"),
    [("culling", "culling of kernels"), ("parent", "watch of the parent process")],
)
def test_owner_whose_loop_fails_ends(folder: Path, loop: str, named: str) -> None:
    """With an exit code that says so: `pybot up` starts another one."""
    config = OwnerConfig(
        socket=f"{folder}/owner.sock",
        python=str(KERNEL_PYTHON),
        files=f"{folder}/files",
        idle_timeout=0.1,
    )
    (folder / "config.json").write_bytes(msgspec.json.encode(config))
    owner = subprocess.run(
        [sys.executable, "-c", FAILING_OWNER, str(folder / "config.json"), loop],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert owner.returncode == 1
    assert owner.stderr.count("Traceback") == 1
    assert owner.stderr.count(f"the {named} has failed") == 2
    assert not (folder / "owner.sock").exists()


async def says_that_a_kernel_ended(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """An owner that answers the first question with an event, then waits."""
    await reader.readline()
    writer.write(encode(KernelEnded(conversation_id="c", kernel_id="k", reason="died")))
    await reader.read()
    writer.close()


async def test_bug_in_reading_from_the_owner_is_raised_where_it_is_watched(folder: Path) -> None:
    """Requests that wait are refused at once; the notices raise what happened, once."""
    path = folder / "owner.sock"
    async with await asyncio.start_unix_server(says_that_a_kernel_ended, path):
        client = OwnerClient(path)
        with client.listening(lambda event: None if event is None else bug()):
            async with asyncio.timeout(5):
                with pytest.raises(KernelUnavailable, match="has gone"):
                    await client.call(60, "ping")
        with pytest.raises(RuntimeError, match=BUG):
            client.raise_failure()
        client.raise_failure()
        await client.aclose()


async def test_notices_of_kernels_raise_the_bug(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost connection is no bug: the client connects again."""
    lost = asyncio.Event()

    async def loses_the_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if lost.is_set():
            monkeypatch.setattr(OwnerClient, "_take", bug)
            writer.write(encode(KernelEnded(conversation_id="c", kernel_id="k", reason="died")))
            await reader.read()
        lost.set()
        writer.close()

    path = folder / "owner.sock"
    async with await asyncio.start_unix_server(loses_the_first, path):
        kernels = LocalKernels(path)
        async with asyncio.timeout(5), aclosing(kernels.notices()) as notices:
            with pytest.raises(RuntimeError, match=BUG):
                await anext(notices)
        assert lost.is_set()
        await kernels.aclose()
