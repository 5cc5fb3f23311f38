"""The kernels' environment is prepared once: its modules compiled, its fonts listed."""

import subprocess
import sys
from pathlib import Path

import pytest

from pybot.services.local import kernel_setup
from pybot.services.local.kernel_python import MATPLOTLIB_FOLDER

# Says what it was asked to do, in a file beside it, and fails where its name says so.
INTERPRETER = """#!/bin/sh
echo "$MPLCONFIGDIR|$*" >> "$0.asked"
case "$*" in *{broken}*) exit 3 ;; esac
"""


def interpreter(folder: Path, broken: str) -> Path:
    """A Python of an environment in the folder, for which commands that contain a word fail."""
    python = folder / "bin" / "python"
    python.parent.mkdir()
    python.write_text(INTERPRETER.format(broken=broken))
    python.chmod(0o755)
    return python


def asked(python: Path) -> list[str]:
    return Path(f"{python}.asked").read_text().splitlines()


def test_environment_is_compiled_and_its_fonts_listed_within_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when a module does not compile: what does not would not be imported either."""
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    python = interpreter(tmp_path, broken="compileall")
    monkeypatch.setattr(sys, "argv", ["kernel_setup", str(python)])
    kernel_setup.main()
    compiled, listed = asked(python)
    assert compiled == f"|-m compileall -q -q -j 0 {tmp_path}/lib"
    assert listed == f"{tmp_path / MATPLOTLIB_FOLDER}|-c import matplotlib.font_manager"
    assert (tmp_path / MATPLOTLIB_FOLDER).is_dir()


def test_environment_that_cannot_list_its_fonts_fails_the_setup(tmp_path: Path) -> None:
    python = interpreter(tmp_path, broken="font_manager")
    with pytest.raises(subprocess.CalledProcessError):
        kernel_setup.prepare(python)


def test_setup_without_an_interpreter_says_how_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["kernel_setup"])
    with pytest.raises(SystemExit, match="usage: "):
        kernel_setup.main()
