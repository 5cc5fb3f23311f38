"""A run that leaves something behind fails, and says what."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
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
def run(tmp_path: Path) -> Run:
    """Runs Python under `tests.leftovers`, which waits less long."""

    def run_python(code: str) -> subprocess.CompletedProcess[str]:
        program = "import sys; from tests import leftovers; leftovers.PATIENCE = 1; "
        program += "sys.exit(leftovers.main(sys.argv[1:]))"
        return subprocess.run(
            [sys.executable, "-c", program, sys.executable, "-c", code],
            env={**os.environ, "TMPDIR": str(tmp_path)},
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
def test_what_is_left_behind_fails_the_run(run: Run, tmp_path: Path, code: str, told: str) -> None:
    """It is named, and taken away."""
    done = run(code)
    assert done.returncode == leftovers.LEFT
    [line] = done.stderr.splitlines()
    assert line.startswith("left behind: ")
    assert told in line
    assert list(tmp_path.iterdir()) == []
    if " process " in line:
        pid = line.split()[3].rstrip(":")
        assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("code", ["pass", SHORT_ORPHAN])
def test_nothing_left_behind_is_well(run: Run, tmp_path: Path, code: str) -> None:
    """What ends by itself soon afterwards is well too."""
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_exit_code_is_the_commands(run: Run, tmp_path: Path) -> None:
    """What a failed run had in hand stays for a look."""
    done = run("import os, sys; open(os.environ['TMPDIR'] + '/pytest-of-x', 'w'); sys.exit(5)")
    assert done.returncode == 5
    [kept] = tmp_path.iterdir()
    assert str(kept) in done.stderr
    assert [path.name for path in kept.iterdir()] == ["pytest-of-x"]


def test_sigterm_ends_the_command_and_what_it_started(tmp_path: Path) -> None:
    """Whoever ends the run ends all of it."""
    code = f"{ORPHAN}; print(1, flush=True); import time; time.sleep(62)"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.leftovers", sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
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
