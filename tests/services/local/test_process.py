"""Programs of the local stack: real processes, real signals."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from pybot.services.local.process import Child, Program, StackError

SLEEP = "import time; time.sleep(60)"
# A program that says that it is there, and does not mind SIGTERM.
STUBBORN = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path("ready").write_text(str(child.pid))
time.sleep(60)
"""
# A parent that starts a child as Pybot does, tells its process ID, and is killed.
PARENT = """
import pathlib, signal, sys, time
from pybot.services.local.process import Child, Program
async def ready(): return True
child = Child(Program("child", (sys.executable, "-c", "import time; time.sleep(60)"),
                      pathlib.Path(sys.argv[1]), ready))
print(child.pid, flush=True)
time.sleep(60)
"""


def program(folder: Path, source: str, *, ready: str = "", stop_timeout: float = 5) -> Program:
    """A Python program; it is ready at once, or when it has written the file."""

    async def is_ready() -> bool:
        return not ready or (folder / ready).exists()

    return Program(
        name="the program",
        argv=(sys.executable, "-c", source),
        log=folder / "log",
        ready=is_ready,
        cwd=folder,
        start_timeout=20,
        stop_timeout=stop_timeout,
    )


def is_running(pid: int) -> bool:
    """Whether a process is there and not only a zombie."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


async def eventually(fact: Callable[[], bool]) -> None:
    """Wait until it holds; the test's time limit ends the wait."""
    while True:
        if fact():
            return
        await asyncio.sleep(0.01)


@pytest.fixture
async def start() -> AsyncIterator[Callable[[Program], Awaitable[Child]]]:
    """Starts programs, waits until they are ready, and leaves none behind."""
    children: list[Child] = []

    async def start_one(program: Program) -> Child:
        children.append(Child(program))
        await children[-1].wait_ready()
        return children[-1]

    yield start_one
    for child in children:
        child.kill()


Start = Callable[[Program], Awaitable[Child]]


async def test_stop_ends_with_sigterm(tmp_path: Path, start: Start) -> None:
    """A program that minds SIGTERM is not killed."""
    child = await start(program(tmp_path, SLEEP))
    await child.stop()
    assert child.exit_code == -signal.SIGTERM


async def test_stop_kills_whole_group_of_stubborn_program(tmp_path: Path, start: Start) -> None:
    """What ignores SIGTERM is killed when its time is over, with what it has started."""
    child = await start(program(tmp_path, STUBBORN, ready="ready", stop_timeout=0.2))
    await eventually(lambda: (tmp_path / "ready").read_text() != "")
    grandchild = int((tmp_path / "ready").read_text())
    await child.stop()
    assert child.exit_code == -signal.SIGKILL
    await eventually(lambda: not is_running(grandchild))


async def test_early_end_is_quoted(tmp_path: Path, start: Start) -> None:
    """The error names the program, its exit code and its last lines, on one line."""
    source = "import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)"
    with pytest.raises(StackError) as caught:
        await start(program(tmp_path, source, ready="never"))
    assert "the program ended (exited with 3): " in str(caught.value)
    assert {"one", "two"} < set(str(caught.value).split())
    assert "\n" not in str(caught.value)


async def test_slow_start_is_an_error(tmp_path: Path) -> None:
    """A program that never answers is given up."""

    async def never() -> bool:
        return False

    slow = Program("it", (sys.executable, "-c", SLEEP), tmp_path / "log", never, start_timeout=0.1)
    child = Child(slow)
    try:
        with pytest.raises(StackError, match=r"it did not answer within 0\.1 s"):
            await child.wait_ready()
    finally:
        child.kill()


async def test_terminal_signals_do_not_reach_it(tmp_path: Path, start: Start) -> None:
    """It has a process group of its own: Ctrl-C is handled once, by the parent."""
    child = await start(program(tmp_path, SLEEP))
    assert os.getpgid(child.pid) == child.pid
    assert os.getsid(child.pid) == child.pid


async def test_killed_parent_takes_it_along(tmp_path: Path) -> None:
    """SIGKILL leaves the parent no time to end it: the system does."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path / "log"), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert is_running(pid)
    parent.kill()
    await parent.communicate()
    await eventually(lambda: not is_running(pid))
