"""What mutmut 3.8 tells on no command line of its own.

The names of all mutants of a module: its `run` makes them and goes on to run the tests. A run by
those names fails if they are others. And the exit codes of their tests: its `results` calls those
that could not be run at all a timeout. A run without a file of them, or a name in it, fails.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

# It, not a test, has failed.
NOT_RUN = (-1, 255)


def exit_codes(folder: Path, modules: list[str]) -> dict[str, int | None]:
    """The exit codes of the tests of all mutants of some modules; None where none were run."""
    found: dict[str, int | None] = {}
    for module in modules:
        found |= json.loads((folder / "mutants" / f"{module}.meta").read_text())["exit_code_by_key"]
    return found


def print_mutants(modules: list[str]) -> None:
    """Print the names of all mutants of modules, one a line; the settings lie beside `pybot/`."""
    mutation: Any = importlib.import_module("mutmut.mutation.file_mutation")
    naming: Any = importlib.import_module("mutmut.utils.format_utils")
    for module in map(Path, modules):
        made = mutation.mutate_file_contents(str(module), module.read_text())
        for name in made.mutant_names:
            sys.stdout.write(f"{naming.get_mutant_name(module, name)}\n")


if __name__ == "__main__":
    print_mutants(sys.argv[1:])
