"""An answer that an earlier attempt began: which parts stay, and which are redone."""

from pybot.services.agent.ports import Assignment
from pybot.services.records import Cell, CellPart, CellStatus, Part


def kept_parts(parts: tuple[Part, ...], committed: int) -> int:
    """How many of the parts stay when the answer is taken up: `MessageChanged.kept_parts`.

    What is committed stays, and so does a cell that has started: it is never run again.
    """
    return committed + sum(1 for part in parts[committed : committed + 1] if _has_started(part))


def lost_cell(assignment: Assignment) -> Cell | None:
    """The cell that had started when its worker was lost."""
    open_parts = assignment.parts[assignment.committed : assignment.committed + 1]
    for part in open_parts:
        if isinstance(part, CellPart) and _has_started(part):
            return part.cell
    return None


def _has_started(part: Part) -> bool:
    return isinstance(part, CellPart) and part.cell.status not in (
        CellStatus.WRITING,
        CellStatus.QUEUED,
    )
