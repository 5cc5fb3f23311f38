"""A run that leaves something behind fails, and says what."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import leftovers

ORPHAN = "import subprocess; subprocess.Popen(['sleep', '61'], start_new_session=True)"
SHORT_ORPHAN = "import subprocess; subprocess.Popen(['sleep', '0.3'], start_new_session=True)"
SOCKET = "import os, socket; socket.socket(socket.AF_UNIX).bind(os.environ['TMPDIR'] + '/{}')"
FOLDER = "import tempfile; tempfile.mkdtemp(prefix='pybot-test-')"
IN_PYTESTS = (
    "import os, tempfile; os.mkdir(os.environ['TMPDIR'] + '/pytest-of-x');"
    + SOCKET.format("pytest-of-x/deep.sock")
)

Run = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def folder() -> Iterator[Path]:
    """For temporary files; its path is short, as those of sockets must be."""
    with tempfile.TemporaryDirectory(prefix="pybot-test-") as name:
        yield Path(name)


@pytest.fixture
def run(folder: Path) -> Run:
    """Runs Python under `tests.leftovers`, which waits less long."""

    def run_python(code: str) -> subprocess.CompletedProcess[str]:
        program = "import sys; from tests import leftovers; leftovers.END_TIMEOUT = 1; "
        program += "sys.exit(leftovers.main(sys.argv[1:]))"
        return subprocess.run(
            [sys.executable, "-c", program, sys.executable, "-c", code],
            env={**os.environ, "TMPDIR": str(folder)},
            capture_output=True,
            text=True,
        )

    return run_python


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (ORPHAN, ": sleep 61"),
        (SOCKET.format("left.sock"), "left.sock"),
        (FOLDER, "pybot-test-"),
        (IN_PYTESTS, "pytest-of-x/deep.sock"),
    ],
)
def test_what_is_left_behind_fails_the_run(run: Run, folder: Path, code: str, told: str) -> None:
    """It is named, and taken away."""
    done = run(code)
    assert done.returncode == leftovers.LEFT
    [line] = done.stderr.splitlines()
    assert line.startswith("left behind: ")
    assert told in line
    assert list(folder.iterdir()) == []
    if " process " in line:
        pid = line.split()[3].rstrip(":")
        assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("code", ["pass", SHORT_ORPHAN])
def test_nothing_left_behind_is_well(run: Run, folder: Path, code: str) -> None:
    """What ends by itself soon afterwards is well too."""
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(folder.iterdir()) == []


def test_exit_code_is_the_commands(run: Run, folder: Path) -> None:
    """What a failed run had in hand stays for a look."""
    done = run("import os, sys; open(os.environ['TMPDIR'] + '/pytest-of-x', 'w'); sys.exit(5)")
    assert done.returncode == 5
    [kept] = folder.iterdir()
    assert str(kept) in done.stderr
    assert [path.name for path in kept.iterdir()] == ["pytest-of-x"]


def test_sigterm_ends_the_command_and_what_it_started(folder: Path) -> None:
    """Whoever ends the run ends all of it."""
    code = f"{ORPHAN}; print(1, flush=True); import time; time.sleep(62)"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.leftovers", sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        assert started.stdout is not None
        started.stdout.readline()
        started.terminate()
        _, told = started.communicate()
    assert started.returncode == 128 + signal.SIGTERM
    assert ": sleep 61" in told
