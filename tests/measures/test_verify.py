"""A whole run that reached too little fails, and its last line says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = """
from tests.measures import branches, parts
from tests.measures.finding import Finding
branches.verify = lambda folder: Finding("1 % ran", {missing!r})
parts.verify = lambda folder: Finding("2 were used", "")
"""


def run(folder: Path, missing: str, test: str, *arguments: str) -> tuple[int, list[str]]:
    """Run a test in a folder of its own; its exit code and what it printed."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(CONFTEST.format(missing=missing))
    (folder / "test_it.py").write_text(f"def test_it():\n    {test}\n")
    command = [sys.executable, "-m", "pytest", "-p", "xdist", "-p", "tests.fixtures.measures"]
    command += ["-n", "1", "-c", str(folder / "pytest.ini"), *arguments, str(folder)]
    # Other plugins take seconds to import.
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize(
    ("missing", "test", "code", "last"),
    [
        ("line 7", "pass", pytest.ExitCode.TESTS_FAILED, "1 passed, 1 error in"),
        ("", "pass", pytest.ExitCode.OK, "1 passed in"),
        ("line 7", "assert 0", pytest.ExitCode.TESTS_FAILED, "1 failed in"),
    ],
    ids=["too little", "enough", "failed anyway"],
)
def test_run_fails_with_what_is_missing(
    tmp_path: Path, missing: str, test: str, code: int, last: str
) -> None:
    found, lines = run(tmp_path, missing, test, "--measure", str(tmp_path))
    assert found == code
    assert "1 % ran" in lines
    assert last in lines[-1]
    assert ("line 7" in lines) is ("error" in last)


def test_part_of_the_tests_is_not_verified(tmp_path: Path) -> None:
    code, lines = run(tmp_path, "line 7", "pass")
    assert code == pytest.ExitCode.OK
    assert "1 % ran" not in lines
