"""Does what a Containerfile says, without an engine: each stage is a folder.

Absolute paths lie below the stage's folder; base images are what this machine has. Enough for
COPY, RUN, WORKDIR, ENV, and for looking at what the last stage says.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.manifests.tools import ROOT

PATHS = re.compile(r"(?<![\w.])/(?=(?:src|opt)\b)")  # those that stages make


@dataclass
class Stage:
    """One FROM and what follows it: pairs of an instruction and its arguments."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def arguments_of(self, instruction: str) -> str:
        """The arguments of the last such instruction."""
        return [arguments for name, arguments in self.steps if name == instruction][-1]

    def list_of(self, instruction: str) -> list[str]:
        """The same in exec form."""
        words: list[str] = json.loads(self.arguments_of(instruction))
        return words


def read(file: Path) -> list[Stage]:
    """The stages of a Containerfile."""
    text = re.sub(r"^\s*#.*\n", "", file.read_text(), flags=re.MULTILINE)
    stages: list[Stage] = []
    for line in text.replace("\\\n", " ").splitlines():
        instruction, _, arguments = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = arguments.partition(" AS ")
            stages.append(Stage(base, name))
        elif instruction:
            stages[-1].steps.append((instruction, arguments.strip()))
    return stages


def build(stages: list[Stage], folder: Path, environment: dict[str, str]) -> list[str]:
    """Run the stages that have a command; the commands."""
    ran: list[str] = []
    for stage in stages:
        root = folder / (stage.name or "final")
        work, own = root, dict(environment)
        for instruction, arguments in stage.steps:
            if instruction == "WORKDIR":
                work = _below(root, arguments)
                work.mkdir(parents=True, exist_ok=True)
            elif instruction == "ENV" and stage.name:
                own |= dict(word.split("=", 1) for word in shlex.split(arguments))
            elif instruction == "COPY":
                _copy(arguments, folder, root, work)
            elif instruction == "RUN":
                ran.append(arguments)
                _run(PATHS.sub(f"{root}/", arguments), work, own)
    return ran


def _run(command: str, work: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", "-c", command], cwd=work, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"


def _copy(arguments: str, folder: Path, root: Path, work: Path) -> None:
    words = shlex.split(arguments)
    context = ROOT
    if words[0].startswith("--from="):
        context = folder / words.pop(0).removeprefix("--from=")
        if not context.exists():  # an image from elsewhere
            return
    *sources, target = words
    destination = _below(root, target) if target.startswith("/") else work / target
    for source in sources:
        origin = context / source.lstrip("/")
        if origin.is_dir():
            ignored = _ignored if context == ROOT else None
            shutil.copytree(origin, destination, ignore=ignored, symlinks=True, dirs_exist_ok=True)
        else:
            folder_of_it = destination if target.endswith("/") else destination.parent
            folder_of_it.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, destination)


def _ignored(folder: str, names: list[str]) -> set[str]:
    """What .dockerignore keeps out of the context."""
    ignored: set[str] = set()
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("**/")
        for name in names:
            path = os.path.relpath(Path(folder, name), ROOT)
            if fnmatch.fnmatch(name if line.startswith("**/") else path, pattern):
                ignored.add(name)
    return ignored


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")
