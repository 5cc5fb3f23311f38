"""What is declared is what is locked. (deptry checks that what is imported is declared.)"""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = [Requirement(text) for text in PROJECT["dependencies"]]


@pytest.mark.parametrize("requirement", DECLARED, ids=lambda each: each.name)
def test_locked_version_is_a_declared_one(requirement: Requirement) -> None:
    for lock in ("serve", "local", "dev"):
        text = (ROOT / "requirements" / f"{lock}.txt").read_text()
        locked = re.search(rf"^{re.escape(requirement.name)}==(\S+)", text, re.MULTILINE)
        assert locked, lock
        assert requirement.specifier.contains(locked[1]), lock
