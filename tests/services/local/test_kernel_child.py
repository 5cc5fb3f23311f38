"""Processes are killed with all below them; the end of their standard error is read."""

import asyncio
import shutil
import subprocess
import time
from pathlib import Path
from uuid import uuid4

import pytest

from pybot.services.kernels.base import KernelUnavailable
from pybot.services.local.kernel_child import kill_below, spawn
from pybot.services.local.kernel_launcher import find_bubblewraps


def having(word: str) -> bool:
    """Whether a process lives that has a word in its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes():
                return True
        except OSError:  # it has ended meanwhile
            continue
    return False


def test_sandbox_that_has_just_started_is_ended() -> None:
    """At whatever moment it is killed, nothing of bubblewrap is left."""
    word = uuid4().hex
    argv = [find_bubblewraps()[-1], "--unshare-user", "--unshare-pid", "--die-with-parent"]
    argv += ["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--setenv", "WORD", word]
    for attempt in range(100):
        # Not through asyncio, whose own start of a process outlasts the moments that matter.
        with subprocess.Popen([*argv, shutil.which("sleep") or "", "60"]) as outer:
            time.sleep(attempt * 0.0001)
            kill_below(outer.pid)
            outer.kill()
    end = time.monotonic() + 5
    while having(word):
        assert time.monotonic() < end, "something of bubblewrap is left"
        time.sleep(0.01)


async def test_end_is_seen_while_others_hold_the_pipe() -> None:
    """What a process leaves behind in the background does not keep it alive."""
    child = await spawn(
        ["/bin/sh", "-c", "sleep 60 & echo bye >&2; exit 3"], {"PATH": "/bin:/usr/bin"}, Path("/")
    )
    async with asyncio.timeout(5):
        await child.wait()
    assert (child.returncode, child.stderr_tail) == (3, "bye")
    child.kill()


async def test_stderr_tail_is_the_end() -> None:
    """However much a process says."""
    child = await spawn(
        ["/bin/sh", "-c", "head -c 1000000 /dev/zero >&2; echo end >&2"],
        {"PATH": "/bin:/usr/bin"},
        Path("/"),
    )
    await child.wait()
    assert child.stderr_tail.endswith("end")
    assert len(child.stderr_tail) < 3000


async def test_missing_program_is_unavailable() -> None:
    """The system's own word is in the message."""
    with pytest.raises(KernelUnavailable, match="No such file"):
        await spawn(["/nowhere/program"], {}, Path("/"))
