"""Run a command, and fail when it leaves a process, a socket or a file behind.

`python -m tests.leftovers COMMAND…`. The command has a folder for temporary files of its own. What
it starts and leaves alone is inherited by this process, whatever it was told of its parent; it is
given some seconds to end, then it is named and killed.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
END_TIMEOUT = 10.0  # seconds: programs whose parent was killed notice that, and end themselves
LEFT = 3  # exit code
# What Pybot and its tests make; others leave caches, for whoever runs them next.
OURS = "pybot-"


def main(command: Sequence[str]) -> int:
    """Run the command; its exit code, or LEFT."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # A short path: sockets are made in it.
    folder = Path(tempfile.mkdtemp(prefix="pt-"))
    folder.chmod(0o755)  # other users, of the tests of sandboxes, find their way below it
    code = LEFT
    try:
        code = _run(command, folder)
        left = [*_processes_left(), *_files_left(folder)]
        for line in left:
            print(f"left behind: {line}", file=sys.stderr)  # noqa: T201 (it is a program)
        if code:
            print(f"what the tests had in hand is in {folder}", file=sys.stderr)  # noqa: T201
        return code or (LEFT if left else 0)
    finally:
        if not code:
            shutil.rmtree(folder)


def _run(command: Sequence[str], folder: Path) -> int:
    """Run the command to its end, and reap what is inherited meanwhile."""
    started = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(folder)})
    # Ctrl-C comes to the command as well, and is for it to answer.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: started.terminate())
    while True:
        pid, status = os.wait()
        if pid == started.pid:
            started.returncode = os.waitstatus_to_exitcode(status)
            return started.returncode if started.returncode >= 0 else 128 - started.returncode


def _processes_left() -> list[str]:
    """The processes that do not end by themselves; they are killed."""
    deadline = time.monotonic() + END_TIMEOUT
    while found := _descendants():
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    names = [f"process {pid}: {_command_of(pid)}" for pid in found]
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    return names


def _descendants() -> list[int]:
    """The processes below this one that run."""
    parents = dict(_parents())
    found = [os.getpid()]
    for parent in found:
        found += [pid for pid, its_parent in parents.items() if its_parent == parent]
    return found[1:]


def _parents() -> Iterator[tuple[int, int]]:
    """Each process with its parent; those that have ended, and wait to be reaped, as well."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            yield int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip() or "(ended)"
    except OSError:
        return "(ended)"


def _files_left(folder: Path) -> list[str]:
    """What of ours lies in the folder, and the sockets below it."""
    own = sorted(folder.glob(f"{OURS}*"))
    sockets = [path for path in sorted(folder.rglob("*")) if stat.S_ISSOCK(path.lstat().st_mode)]
    return [f"file {path}" for path in dict.fromkeys([*own, *sockets])]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
