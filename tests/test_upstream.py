"""What is not part of a library's documented interface is used in one module, for one version."""

import ast
import re
from importlib.metadata import version
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
MODULES = sorted((PROJECT / "pybot").rglob("upstream_*.py"))
# Runs with the packages of the kernels, and is the one such module for ipykernel.
KERNEL_PROGRAM = PROJECT / "pybot" / "services" / "local" / "kernel_profile" / "main.py"
# Where a library's name is not that of its module.
LIBRARIES = {
    "graphql": "graphql-core",
    "jupyter_client": "jupyter-client",
    "langchain": "langchain-community",
    "strawberry": "strawberry-graphql",
}


def docstring(module: Path) -> str:
    """What a module says about itself."""
    return ast.get_docstring(ast.parse(module.read_text())) or ""


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_upstream_module_names_the_version_that_is_installed(module: Path) -> None:
    """Whoever upgrades the library reads the module, and then names the new version in it."""
    name = module.stem.removeprefix("upstream_")
    library = LIBRARIES.get(name, name)
    installed = ".".join(version(library).split(".")[:2])
    assert re.search(rf"\b{re.escape(installed)}\b", docstring(module)), f"{library} {installed}"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_tests_that_notice_a_change_are_there(module: Path) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)", docstring(module))
    assert named
    assert [name for name in named if not (PROJECT / name).is_file()] == []


def test_private_names_are_used_in_upstream_modules_alone() -> None:
    """The linter refuses them; here it is shown that no other module turns that off."""
    files = set((PROJECT / "pybot").rglob("*.py")) - {*MODULES, KERNEL_PROGRAM}
    assert [file.name for file in files if "SLF001" in file.read_text()] == []
