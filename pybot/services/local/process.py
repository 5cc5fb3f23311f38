"""One program of the local stack: starts it, waits until it answers, ends it in time.

Everything that a program prints goes to a file of its own, so that no pipe can fill up and the
last lines are there when it fails.
"""

import asyncio
import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pybot.services.local import launch

POLL_INTERVAL = 0.02  # seconds between two checks while waiting
WATCH_INTERVAL = 0.25  # seconds between two checks of a program that runs
QUOTED_LINES = 5
QUOTED_BYTES = 4096


class StackError(Exception):
    """The local stack cannot be started or goes down; the message is one line for a person."""


@dataclass(frozen=True)
class Program:
    """A program: how to start it, and how to see that it is ready.

    `argv[0]` is an absolute path. `ready` returns True once the program answers, False while it
    does not yet. `death_signal` is what the program gets when this process is killed.
    Times are in seconds.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    ready: Callable[[], Awaitable[bool]]
    env: Mapping[str, str] = field(default_factory=lambda: dict[str, str]())
    cwd: Path | None = None
    pass_fds: tuple[int, ...] = ()
    start_timeout: float = 30
    stop_timeout: float = 2
    death_signal: signal.Signals = signal.SIGKILL


class Child:
    """A started program. It belongs to no event loop."""

    def __init__(self, program: Program) -> None:
        """Start it, in a session of its own: Ctrl-C in the terminal is for the parent alone."""
        self.program = program
        argv = [
            sys.executable,
            "-I",
            "-S",
            launch.__file__,
            str(os.getpid()),
            str(int(program.death_signal)),
            *program.argv,
        ]
        with program.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 (the argv is ours)
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=program.cwd,
                env={**os.environ, **program.env},
                pass_fds=program.pass_fds,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The program's process ID, which is its process group's too."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""
        return self._process.poll()

    async def wait_ready(self) -> None:
        """Wait until it answers. StackError when it ends before, or takes too long."""
        deadline = time.monotonic() + self.program.start_timeout
        while time.monotonic() < deadline:
            if self.exit_code is not None:
                raise StackError(f"{self.program.name} {self.describe_end()}")
            if await self.program.ready():
                return
            await asyncio.sleep(POLL_INTERVAL)
        raise StackError(
            f"{self.program.name} did not answer within {self.program.start_timeout:g} s"
            f"{self._quote()}"
        )

    async def wait(self, timeout: float = math.inf) -> int | None:
        """Wait for its end, however it comes; the exit code, None when it still runs."""
        deadline = time.monotonic() + timeout
        while True:
            code = self.exit_code
            if code is not None or time.monotonic() >= deadline:
                return code
            await asyncio.sleep(POLL_INTERVAL if timeout < math.inf else WATCH_INTERVAL)

    async def stop(self) -> None:
        """End it: SIGTERM, and SIGKILL for its whole group when that is not enough."""
        if self.exit_code is None:
            self._process.terminate()
        await self.wait(self.program.stop_timeout)
        self.kill()

    def kill(self) -> None:
        """End it and what it started at once."""
        with contextlib.suppress(ProcessLookupError):  # nothing of the group is left
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def describe_end(self) -> str:
        """How it ended, and its last lines, on one line."""
        code = self.exit_code
        how = f"exited with {code}" if code is None or code >= 0 else signal.Signals(-code).name
        return f"ended ({how}){self._quote()}"

    def _quote(self) -> str:
        """Its last lines, as a tail to a message."""
        with self.program.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - QUOTED_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()][-QUOTED_LINES:]
        return f": {' | '.join(said)}" if said else ""
