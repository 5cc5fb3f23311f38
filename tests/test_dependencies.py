"""What Pybot imports is what it declares, and what is declared is what is locked."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = [Requirement(text) for text in PROJECT["dependencies"]]
LOCAL = [Requirement(text) for text in PROJECT["optional-dependencies"]["local"]]

# It runs with the packages of the kernels.
KERNELS = ROOT / "pybot" / "services" / "local" / "kernel_profile"


def imported() -> set[str]:
    """The modules of others that Pybot's own import."""
    found: set[str] = set()
    for file in (ROOT / "pybot").rglob("*.py"):
        if KERNELS in file.parents:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"pybot"}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_what_is_imported_is_declared() -> None:
    declared = {plain(requirement.name) for requirement in [*DECLARED, *LOCAL]}
    distributions = packages_distributions()
    undeclared = {
        module
        for module in imported()
        if not declared & {plain(name) for name in distributions.get(module, [])}
    }
    assert undeclared == set()


@pytest.mark.parametrize("requirement", DECLARED, ids=lambda each: each.name)
def test_locked_version_is_a_declared_one(requirement: Requirement) -> None:
    for lock in ("serve", "local", "dev"):
        text = (ROOT / "requirements" / f"{lock}.txt").read_text()
        locked = re.search(rf"^{re.escape(requirement.name)}==(\S+)", text, re.MULTILINE)
        assert locked, lock
        assert requirement.specifier.contains(locked[1]), lock
