"""A copy of the project, in which mutmut changes modules and runs their tests."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.areas import ROOT
from tests.mutants.upstream_mutmut import NOT_RUN, exit_codes

# Exit codes of pytest and of mutmut for what no test noticed: all passed, none was chosen, none
# reaches it. Each other one is a failure, also a run that went on far too long or crashed.
UNNOTICED = (0, 5, 33)
# Each mutant has a process in which no test ran before: what tests share, as an event of asyncio
# among their parameters, would fail the second time whatever the mutant. It has what takes longest
# to import, and nothing of Pybot.
PRELOADED = (
    "aiohttp", "aredis_om", "graphql", "httpx2", "jupyter_client", "langchain_core.messages",
    "pydantic_settings", "redis.asyncio", "strawberry", "text_generation", "uvicorn", "websockets",
)  # fmt: skip
# Seconds for a mutant: thrice what its tests take, and thrice ten for what they have to start.
# Tests with a time limit of their own are left out, the long ones: thousands of steps, or a whole
# machine.
SETTINGS = """
[tool.mutmut]
source_paths = ["pybot"]
only_mutate = {modules!r}
also_copy = ["docs", "schema.graphql"]
process_isolation = "forkserver"
forkserver_warmup = "import"
preload_modules_file = "preloaded"
timeout_constant = 10.0
timeout_multiplier = 3.0
pytest_add_cli_args = [
    "-p", "no:cacheprovider", "-p", "no:xdist", "--seed", "1", "-m", "not timeout"
]
pytest_add_cli_args_test_selection = {tests!r}
"""
COPIED = ("pybot", "tests", "docs", "pyproject.toml", "schema.graphql")
BESIDE = (".venv", ".venv-kernels", ".venv-gateway")  # what tests start


class Failed(Exception):
    """What mutmut said when it could not go on, as where a test fails without any change."""


@dataclass(frozen=True)
class Mutant:
    """A change, the exit code of its tests, and its difference where none noticed."""

    name: str
    code: int
    diff: str

    @property
    def noticed(self) -> bool:
        """Whether a test failed, or the process did."""
        return self.code not in UNNOTICED

    @property
    def change(self) -> str:
        """Where it is, and the lines added, or taken away where none are, on one line."""
        lines = self.diff.splitlines()
        added = [line[1:].strip() for line in lines if line.startswith("+") and line[:3] != "+++"]
        taken = [line.strip() for line in lines if line.startswith("-") and line[:3] != "---"]
        module, mangled = self.name.partition("__mutmut_")[0].split(".")[-2:]
        function = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        return f"{module}.{function}: {' '.join(added or taken)}"


class Project:
    """The copy, in a folder of its own: mutmut writes its mutants beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *COPIED]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        (folder / "mutants").mkdir()
        for name in BESIDE:
            (folder / "mutants" / name).symlink_to(ROOT / name)
        (folder / "preloaded").write_text("\n".join(PRELOADED))
        self._pyproject = (folder / "pyproject.toml").read_text()

    def names(self, modules: list[str]) -> list[str]:
        """The names of all mutants of some modules."""
        self._set(modules, [])
        return self._python("tests.mutants.upstream_mutmut", *modules).splitlines()

    def run(self, modules: list[str], tests: list[str], names: list[str]) -> list[Mutant]:
        """Run the tests with each of these mutants of some modules, or with all of them.

        Raises Failed.
        """
        self._set(modules, tests)
        # Always by name: mutmut then tries first whether pytest finds the tests by theirs.
        everything = [f"{module.removesuffix('.py').replace('/', '.')}.*" for module in modules]
        self._mutmut("run", "--max-children", "1", *(names or everything))
        found = exit_codes(self._folder, modules)
        return [self._mutant(name, found[name]) for name in names or found]

    def _mutant(self, name: str, code: int | None) -> Mutant:
        if code is None or code in NOT_RUN:
            raise Failed(f"{name}: its tests could not be run")
        return Mutant(name, code, "" if code not in UNNOTICED else self._mutmut("show", name))

    def _set(self, modules: list[str], tests: list[str]) -> None:
        settings = SETTINGS.format(modules=modules, tests=tests)
        (self._folder / "pyproject.toml").write_text(self._pyproject + settings)

    def _mutmut(self, *arguments: str) -> str:
        return self._python("mutmut", *arguments)

    def _python(self, module: str, *arguments: str) -> str:
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Failed(done.stdout[-4000:] + done.stderr[-4000:])
        return done.stdout


@contextmanager
def copied_project() -> Generator[Project]:
    """A copy for as long as the block lasts."""
    os.environ["PYTHONDONTWRITEBYTECODE"] = ""  # large modules, imported by each process anew
    with tempfile.TemporaryDirectory(prefix="pybot-mutants-") as name:
        yield Project(Path(name))
