"""The data folder of `pybot up`, and the lock that lets one process use it."""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pybot.services.local.process import StackError

NEEDED_BYTES = 64 * 1024 * 1024  # of free disk space at the start
LOCK_TIMEOUT = 2.0  # seconds: an earlier Redis may still be writing out what it has
# A socket's path has 107 bytes; kernels put folders of their own below this one.
LONGEST_SOCKET_DIR = 40


@dataclass(frozen=True)
class DataFolder:
    """A folder of this process alone.

    `sockets` is a short, private folder that the data folder always has the same one of, so that
    nothing piles up when a process is killed. `lock` is the open lock: programs that inherit it
    hold the folder until they have ended too.
    """

    path: Path
    sockets: Path
    lock: int

    def subfolder(self, name: str) -> Path:
        """A private folder in it, made if need be."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


@contextmanager
def open_data_folder(path: Path) -> Generator[DataFolder]:
    """Make and lock the folder. StackError says what is in the way and what to do."""
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        _take(lock, path)
        _check_space(path, lock)
        sockets = _private_socket_dir(path)
        try:
            yield DataFolder(path=path, sockets=sockets, lock=lock)
        finally:
            shutil.rmtree(sockets, ignore_errors=True)  # programs that were killed leave theirs
    finally:
        os.close(lock)


def _take(lock: int, path: Path) -> None:
    """Lock the folder for this process and those that inherit the descriptor."""
    deadline = time.monotonic() + LOCK_TIMEOUT
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() >= deadline:
            holder = os.pread(lock, 20, 0).decode() or "unknown"
            raise StackError(
                f"Pybot already runs on {path} (process {holder}): "
                "end that one, or name another folder with --data-dir"
            )
        time.sleep(0.05)


def _check_space(path: Path, lock: int) -> None:
    """Write who holds the lock, and see that there is room for more."""
    free = shutil.disk_usage(path).free
    if free < NEEDED_BYTES:
        raise StackError(
            f"The disk of {path} is full ({free // 2**20} MiB free): "
            "make room, or name another folder with --data-dir"
        )
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
    except OSError as error:
        raise _unusable(path, error) from error


def _private_socket_dir(path: Path) -> Path:
    """A folder of the user's own with a short path that follows from the data folder's."""
    digest = hashlib.sha256(bytes(path)).hexdigest()[:12]
    name = f"pybot-{os.getuid()}-{digest}"
    candidates = (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp")  # noqa: S108
    for parent in candidates:
        if parent and len(os.fsencode(parent)) + len(name) <= LONGEST_SOCKET_DIR:
            folder = Path(parent, name)
            try:
                folder.mkdir(mode=0o700, exist_ok=True)
                found = folder.lstat()
            except OSError:
                continue  # not writable: the next one
            # In a folder that all may write to, someone else can have made it first.
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
                folder.chmod(0o700)
                return folder
    raise StackError("No folder for sockets found: set TMPDIR to a short, writable one")


def _unusable(path: Path, error: OSError) -> StackError:
    advice = {errno.ENOSPC: "make room", errno.EEXIST: "move what is there"}.get(
        error.errno or 0, "make it writable"
    )
    return StackError(
        f"Cannot write to {path} ({error.strerror}): "
        f"{advice}, or name another folder with --data-dir"
    )
