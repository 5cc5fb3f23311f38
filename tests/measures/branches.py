"""How much of Pybot's code ran, lines and branches, in all the processes of a run.

Each process whose environment has COVERAGE_PROCESS_START and COVERAGE_FILE (`scripts/test.sh` sets
them) writes a file when it ends, by a signal or `os._exit` as well. What SIGKILL ends is not
counted.
"""

import io
import warnings
from pathlib import Path

from coverage import Coverage
from coverage.exceptions import CoverageWarning

from tests.measures.finding import Finding

CONFIG = Path(__file__).parents[2] / "pyproject.toml"
NAME = "branches"


def save() -> None:
    """Write what this process has run; what it runs from now on is not counted."""
    if coverage := Coverage.current():
        coverage.stop()
        coverage.save()


def join(folder: Path) -> Coverage:
    """What all processes ran, from their files, which become one."""
    coverage = Coverage(data_file=str(folder / NAME), config_file=str(CONFIG))
    with warnings.catch_warnings():
        # A process that was killed while it wrote has left half a file, which is passed over.
        warnings.simplefilter("ignore", CoverageWarning)
        coverage.combine()
    coverage.save()
    return coverage


def verify(folder: Path, floor: float | None = None) -> Finding:
    """How much ran in all; `floor` in per cent, that of pyproject.toml when None."""
    coverage = join(folder)
    table = io.StringIO()
    total = coverage.report(file=table, show_missing=True, skip_covered=True)
    if floor is None:
        floor = float(str(coverage.get_option("report:fail_under")))
    summary = f"{total:.1f} % of Pybot's lines and branches ran (at least {floor:g} %)"
    return Finding(summary, "" if total >= floor else table.getvalue())
