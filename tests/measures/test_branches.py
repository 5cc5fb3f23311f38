"""What the processes of a run ran is joined, and compared with the floor."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.measures import branches

ROOT = Path(__file__).parents[2]
EXCUSE = re.compile(r"# pragma: no cover \(\w.+\)$")


def measured(folder: Path) -> dict[str, str]:
    """The environment of a measured process."""
    return {
        **os.environ,
        "COVERAGE_PROCESS_START": str(branches.CONFIG),
        "COVERAGE_FILE": str(folder / branches.NAME),
    }


@pytest.mark.parametrize(
    "end",
    ["pass", "os._exit(0)", "os.kill(os.getpid(), signal.SIGTERM)"],
    ids=["by itself", "at once", "by a signal"],
)
def test_process_is_measured_however_it_ends(tmp_path: Path, end: str) -> None:
    code = f"import os, signal\nimport pybot.errors\n{end}"
    subprocess.run([sys.executable, "-c", code], env=measured(tmp_path), cwd=ROOT, check=False)
    (tmp_path / f"{branches.NAME}.half").write_bytes(b"of a process that was killed")
    files = branches.join(tmp_path).get_data().measured_files()
    assert str(ROOT / "pybot" / "errors.py") in files


def test_too_little_is_what_lies_below_the_floor(tmp_path: Path) -> None:
    code = "import pybot.errors"
    for folder, floor, is_enough in (("a", 0, True), ("b", 100, False)):
        (tmp_path / folder).mkdir()
        environment = measured(tmp_path / folder)
        subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=True)
        missing = branches.verify(tmp_path / folder, floor).missing
        assert (missing == "") is is_enough
        assert ("pybot/auth.py" in missing) is not is_enough


def test_every_line_left_out_says_why() -> None:
    """And there are few of them."""
    lines = [
        line
        for file in (ROOT / "pybot").rglob("*.py")
        for line in file.read_text().splitlines()
        if "no cover" in line
    ]
    assert [line for line in lines if not EXCUSE.search(line)] == []
    assert len(lines) == 0
