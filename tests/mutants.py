"""Mutation tests: small changes of a module, one at a time, each of which its tests must notice.

`make mutants ARGS="pybot/services/values/pages.py"`, or without for all that `tests/mutants.toml`
lists. A change that is not noticed, and for which no reason is listed there, fails.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LIST = ROOT / "tests" / "mutants.toml"
# A run that goes on so much longer than usual is one that noticed.
NOTICED = ("killed", "timeout", "segfault", "suspicious")
SETTINGS = """
[tool.mutmut]
source_paths = ["pybot"]
only_mutate = [{module!r}]
also_copy = ["schema.graphql"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist", "--seed", "1"]
pytest_add_cli_args_test_selection = {tests!r}
"""


def mutmut(folder: Path, *arguments: str) -> str:
    """What mutmut says in a folder."""
    command = [sys.executable, "-m", "mutmut", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout[-4000:] + done.stderr[-4000:])
    return done.stdout


def copy_project(folder: Path) -> None:
    """Copy what is in the repository: mutmut writes its mutants beside it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "pybot", "tests", "pyproject.toml", "schema.graphql"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def results(folder: Path) -> dict[str, str]:
    """What became of each mutant, by its name."""
    lines = (line.strip() for line in mutmut(folder, "results", "--all", "true").splitlines())
    pairs = (line.rpartition(": ") for line in lines if ": " in line)
    return {name: found for name, _, found in pairs}


def change(folder: Path, mutant: str) -> str:
    """The lines that a mutant adds, or takes away where it adds none, on one line."""
    lines = mutmut(folder, "show", mutant).splitlines()
    added = [line[1:].strip() for line in lines if line.startswith("+") and line[:3] != "+++"]
    taken = [line.strip() for line in lines if line.startswith("-") and line[:3] != "---"]
    return " ".join(added or taken)


def unlisted(module: dict[str, Any]) -> list[str]:
    """Mutate a module; the changes that nobody noticed, and that are not listed."""
    with tempfile.TemporaryDirectory(prefix="pybot-mutants-") as name:
        folder = Path(name)
        copy_project(folder)
        with (folder / "pyproject.toml").open("a") as settings:
            settings.write(SETTINGS.format(module=module["path"], tests=module["tests"]))
        mutmut(folder, "run", "--max-children", "1")
        found = results(folder)
        counted = Counter(found.values())
        shown = ", ".join(f"{count} {what}" for what, count in sorted(counted.items()))
        print(f"{module['path']}: {len(found)} mutants, {shown}", flush=True)  # noqa: T201
        left = [mutant for mutant, what in found.items() if what not in NOTICED]
        changes = {mutant: change(folder, mutant) for mutant in left}
    listed = module.get("survivors", {})
    return [f"{mutant}: {text}" for mutant, text in changes.items() if text not in listed]


def main(wanted: list[str]) -> None:
    """Mutate the modules that are wanted, or all that are listed, one after the other."""
    os.nice(10)
    modules = tomllib.loads(LIST.read_text())["module"]
    missing = set(wanted) - {module["path"] for module in modules}
    if missing:
        sys.exit(f"not in tests/mutants.toml: {', '.join(sorted(missing))}")
    left = [
        line
        for module in modules
        if not wanted or module["path"] in wanted
        for line in unlisted(module)
    ]
    if left:
        sys.exit("\n".join(["changes that no test noticed:", *left]))


if __name__ == "__main__":
    main(sys.argv[1:])
