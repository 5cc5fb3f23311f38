"""The folder of `pybot up`: one process's own, and refused with a line that helps."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pybot.services.local import data_folder
from pybot.services.local.data_folder import open_data_folder
from pybot.services.local.process import StackError


@pytest.fixture(autouse=True)
def short_lock_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for a folder that stays locked."""
    monkeypatch.setattr(data_folder, "LOCK_TIMEOUT", 0.1)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)


def test_folders_are_private_and_sockets_short(tmp_path: Path) -> None:
    """Nobody else reads the data; a socket's path fits below any data folder."""
    with open_data_folder(tmp_path / ".pybot") as data:
        for folder in (data.path, data.sockets, data.subfolder("redis")):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert len(bytes(data.sockets)) <= data_folder.LONGEST_SOCKET_DIR


def test_same_data_has_same_sockets(tmp_path: Path) -> None:
    """A process that was killed leaves nothing that piles up; one that ends leaves nothing."""
    with open_data_folder(tmp_path / ".pybot") as first:
        (first.sockets / "left.sock").touch()
    assert not first.sockets.exists()
    with open_data_folder(tmp_path / ".pybot") as second:
        assert second.sockets == first.sockets


def test_second_user_is_refused(tmp_path: Path) -> None:
    """One line that says who holds it and what to do."""
    with (
        open_data_folder(tmp_path / ".pybot"),
        pytest.raises(StackError, match=rf"already runs on .*process {os.getpid()}.*--data-dir"),
        open_data_folder(tmp_path / ".pybot"),
    ):
        pass


def test_child_that_inherits_the_lock_holds_the_folder(tmp_path: Path) -> None:
    """While an earlier Redis still writes, no second one may start on its files."""
    with open_data_folder(tmp_path / ".pybot") as data:
        child = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=(data.lock,)
        )
    try:
        with pytest.raises(StackError, match="already runs"), open_data_folder(tmp_path / ".pybot"):
            pass
    finally:
        child.kill()
        child.wait()
    with open_data_folder(tmp_path / ".pybot"):
        pass


def test_unusable_folder_says_why(tmp_path: Path) -> None:
    """A file in the way, as a folder without rights, is one line."""
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StackError, match=r"Cannot write to .*file.*--data-dir"),
        open_data_folder(tmp_path / "file"),
    ):
        pass


def test_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checked before anything starts."""
    monkeypatch.setattr(data_folder, "NEEDED_BYTES", 2**70)
    with (
        pytest.raises(StackError, match=r"disk of .* is full .* make room"),
        open_data_folder(tmp_path / ".pybot"),
    ):
        pass


def test_foreign_socket_folder_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In /tmp anyone may have made the folder, or a link, before us."""
    with open_data_folder(tmp_path / ".pybot") as data:
        name = data.sockets.name
    trap = Path("/tmp", f"t{os.getpid()}")
    trap.mkdir()
    try:
        (trap / name).symlink_to(tmp_path)
        monkeypatch.setattr(tempfile, "tempdir", str(trap))
        with open_data_folder(tmp_path / ".pybot") as data:
            assert data.sockets.parent != trap
    finally:
        shutil.rmtree(trap)
