"""What mutmut 3.8 tells on no command line of its own: the names of all mutants of a module.

Its `run` makes them and goes on to run the tests. A run by those names fails if they are others.
"""

import importlib
import sys
from pathlib import Path
from typing import Any


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
