"""The process of a kernel: what it wrote last, and a kill that reaches all processes below it."""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from pybot.services.kernels.base import KernelUnavailable

QUOTED = 2000  # bytes of its standard error
FREEZE_TRIES = 100
FREEZE_INTERVAL = 0.0005  # seconds; the first check is nearly always enough
TAIL_TIMEOUT = 0.1  # seconds to read what was written before the end


class OutputTail(asyncio.Protocol):
    """Reads a pipe, and has the last QUOTED bytes of it."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self._said = b""

    def data_received(self, data: bytes) -> None:
        """Add data, and drop all but the end."""
        self._said = (self._said + data)[-QUOTED:]

    def connection_lost(self, exc: Exception | None) -> None:
        """The last process that had the pipe open has closed it."""
        del exc
        self.closed.set()

    @property
    def text(self) -> str:
        """The end of what was written to the pipe."""
        return self._said.decode(errors="replace").strip()


class KernelChild:
    """The process of a kernel, which leads a process group; a sandbox may be below it."""

    def __init__(self, process: Process, tail: OutputTail, pipe: asyncio.BaseTransport) -> None:
        self._process = process
        self._tail = tail
        self._pipe = pipe

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self._process.returncode

    @property
    def stderr_tail(self) -> str:
        """What it wrote to its standard error last."""
        return self._tail.text

    async def wait(self) -> None:
        """Wait for its end."""
        await self._process.wait()
        # What it has started may hold the pipe open for long.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TAIL_TIMEOUT):
                await self._tail.closed.wait()
        self._pipe.close()

    def kill(self) -> None:
        """End it at once, and everything below it."""
        if self.returncode is None:
            kill_below(self._process.pid)
        with contextlib.suppress(ProcessLookupError):  # nothing of the group is left
            os.killpg(self._process.pid, signal.SIGKILL)


def kill_below(pid: int) -> None:
    """Kill the children of a process, which stands still from then on.

    bubblewrap's inner process asks to die with the outer one only some milliseconds after its
    start: when the outer one is killed before that, the inner one lives on, and the kernel.
    """
    # Where there is no /proc, there is no bubblewrap either.
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        _freeze(pid)
        for child in _children(pid):
            os.kill(child, signal.SIGKILL)


def _freeze(pid: int) -> None:
    """Stop a process where it is, and wait the moment until it stands still."""
    os.kill(pid, signal.SIGSTOP)
    for _ in range(FREEZE_TRIES):
        # The state comes after the name, which may itself have spaces and brackets.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state not in "RSD":
            return
        time.sleep(FREEZE_INTERVAL)


def _children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def spawn(
    argv: Sequence[str], environment: Mapping[str, str], folder: Path, *descriptors: int
) -> KernelChild:
    """Start a process. KernelUnavailable when the system does not let it."""
    reading, writing = os.pipe()
    # Not a pipe of asyncio's: it counts a process as running while a pipe of it is open.
    tail = OutputTail()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: tail, os.fdopen(reading, "rb", buffering=0)
    )
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=writing,
            env=environment,
            cwd=folder,
            pass_fds=descriptors,
            start_new_session=True,
            umask=0o022,  # folders that bubblewrap makes, and what code writes, as usual
        )
    except OSError as error:
        pipe.close()
        raise KernelUnavailable(f"The kernel's process could not be started: {error}") from error
    except BaseException:
        pipe.close()
        raise
    finally:
        os.close(writing)
    return KernelChild(process, tail, pipe)
