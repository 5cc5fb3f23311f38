"""Mutants drawn at random, and what they say of all."""

import math
import random
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.mutants.areas import Area, Areas
from tests.mutants.project import Failed, Mutant, copied_project

LEAST = 0.85  # of the mutants that are not listed as survivors
AT_ONCE = 3  # areas, whose tests wait more than they compute


@dataclass(frozen=True)
class Findings:
    """What became of the mutants of an area."""

    path: str
    noticed: int
    equal: int  # survivors that are listed
    survivors: list[Mutant]
    failure: str = ""  # why it could not be measured

    @property
    def counted(self) -> int:
        """How many there are, without those listed."""
        return self.noticed + len(self.survivors)


def find(area: Area, mutants: list[Mutant]) -> Findings:
    """Sort mutants."""
    left = [mutant for mutant in mutants if not mutant.noticed]
    unlisted = [mutant for mutant in left if mutant.change not in area.survivors]
    return Findings(
        area.path,
        noticed=len(mutants) - len(left),
        equal=len(left) - len(unlisted),
        survivors=unlisted,
    )


def share(noticed: int, counted: int) -> tuple[float, float]:
    """The share that was noticed, and how far off that of all mutants may be, at 95 %."""
    part = noticed / counted
    return part, 1.96 * math.sqrt(part * (1 - part) / counted)


def draw(areas: Areas, size: int, seed: int) -> dict[str, list[str]]:
    """So many mutants of all modules that are measured, by their module."""
    with copied_project() as project:
        names = project.names(areas.modules())
    drawn: defaultdict[str, list[str]] = defaultdict(list)
    for name in random.Random(seed).sample(names, min(size, len(names))):
        drawn["/".join(name.split(".")[:-1]) + ".py"].append(name)
    return drawn


def measure(areas: Areas, drawn: dict[str, list[str]]) -> Iterator[Findings]:
    """Run the tests of each area with its mutants; one that fails does not end the others."""
    modules: defaultdict[str, list[str]] = defaultdict(list)
    for module in sorted(drawn):
        modules[areas.of(module).path].append(module)

    def run(path: str) -> Findings:
        area = areas.of(modules[path][0])
        names = [name for module in modules[path] for name in drawn[module]]
        try:
            with copied_project() as project:
                return find(area, project.run(modules[path], area.tests, names))
        except Failed as failed:
            return Findings(path, 0, 0, [], str(failed))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(run, modules)
