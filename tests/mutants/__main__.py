"""`make mutants`: the modules that `tests/mutants.toml` lists, wherever they can be changed.

`make mutants ARGS="pybot/services/values/pages.py"` changes one of them. What is not noticed, and
for which no reason is listed there, fails. `make mutants ARGS="--sample 200"` draws so many from
all modules, prints its seed (`--seed 7` gives the same), and fails below a share that is noticed.
"""

import argparse
import os
import random
import sys
import time

from tests.mutants.areas import Area, Areas, read
from tests.mutants.project import Failed, copied_project
from tests.mutants.sample import LEAST, Findings, draw, find, measure, share


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def show(findings: Findings) -> None:
    """Say what became of an area's mutants, with what nobody noticed."""
    if findings.failure:
        say(f"{findings.path}: not measured\n{findings.failure}")
        return
    listed = f", {findings.equal} listed as equal" if findings.equal else ""
    say(f"{findings.path}: {findings.noticed} of {findings.counted} noticed{listed}")
    for mutant in findings.survivors:
        say(f"\n{mutant.change}\n{mutant.diff}")


def whole(areas: list[Area]) -> bool:
    """Change modules wherever they can be; whether all was noticed."""
    found: list[Findings] = []
    for area in areas:
        with copied_project() as project:
            found.append(find(area, project.run([area.path], area.tests, [])))
        show(found[-1])
    return not any(findings.survivors for findings in found)


def sample(areas: Areas, size: int, seed: int) -> bool:
    """Change all modules here and there; whether enough was noticed."""
    say(f"{size} mutants with --seed {seed}")
    started = time.monotonic()
    found: list[Findings] = []
    for findings in measure(areas, draw(areas, size, seed)):
        show(findings)
        found.append(findings)
    noticed = sum(findings.noticed for findings in found)
    counted = sum(findings.counted for findings in found)
    part, margin = share(noticed, max(1, counted))
    say(
        f"{noticed} of {counted} noticed: {part:.1%} ± {margin:.1%} of all mutants (at 95 %),"
        f" at least {LEAST:.0%}; {(time.monotonic() - started) / 60:.0f} minutes"
    )
    return part >= LEAST and not any(findings.failure for findings in found)


def main() -> None:
    """Do what is asked."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("modules", nargs="*", help="of those listed; without, all of them")
    parser.add_argument("--sample", type=int, metavar="SIZE", help="draw from all modules instead")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of the sample")
    given = parser.parse_args()
    areas = read()
    missing = set(given.modules) - {area.path for area in areas.whole}
    if missing:
        sys.exit(f"not a [[module]] of tests/mutants.toml: {', '.join(sorted(missing))}")
    os.nice(10)
    try:
        if given.sample:
            enough = sample(areas, given.sample, given.seed)
        else:
            enough = whole([a for a in areas.whole if not given.modules or a.path in given.modules])
    except Failed as failed:
        sys.exit(str(failed))
    sys.exit(0 if enough else "not enough was noticed")


if __name__ == "__main__":
    main()
