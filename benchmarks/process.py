"""Processes that are measured: started on a core of their own, their CPU time and memory read."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from pybot.services.local import launch

_AVAILABLE = sorted(os.sched_getaffinity(0))
SERVER_CORE, OTHER_CORES = {_AVAILABLE[0]}, set(_AVAILABLE[1:]) or {_AVAILABLE[0]}
_TICK = os.sysconf("SC_CLK_TCK")


class Measured:
    """A running process."""

    def __init__(self, pid: int, said: str) -> None:
        self.pid = pid
        self.said = said

    def cpu(self) -> float:
        """Seconds of CPU time that it has had, all threads."""
        total = 0
        for path in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # the thread has just ended
                total += int(path.read_text().split()[0])
        return total / 1e9

    def memory(self) -> int:
        """Bytes of memory that are its own alone or shared, as RSS counts."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0


def core_busy() -> float:
    """Seconds that the server's core was busy for anybody, since the machine's start."""
    (core,) = SERVER_CORE
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _wait, irq, softirq = map(int, ticks[:7])
            return (user + nice + system + irq + softirq) / _TICK
    return 0.0


@asynccontextmanager
async def started(
    *arguments: str,
    pinned: bool = True,
    ready: str = "",
    settings: Mapping[str, str] | None = None,
) -> AsyncGenerator[Measured]:
    """Run a Python module until the context ends.

    It ends with this process at the latest, and has started once it says a line that begins with
    `ready`. `pinned` puts it on the server's core, else it shares the others with the load.
    """
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    os.sched_setaffinity(0, SERVER_CORE if pinned else OTHER_CORES)
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(launch.__file__, str(os.getpid()), str(signal.SIGKILL.value)),
            *(sys.executable, "-m", *arguments),
            env={**kept, **(settings or {})},
            stdout=asyncio.subprocess.PIPE,
        )
    finally:
        os.sched_setaffinity(0, OTHER_CORES)
    assert process.stdout is not None
    try:
        while line := (await process.stdout.readline()).decode():
            if line.startswith(ready):
                break
        else:
            raise RuntimeError(f"{arguments[0]} ended before it was ready")
        yield Measured(process.pid, line.removeprefix(ready).strip())
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()
