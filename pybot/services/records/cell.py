"""A cell: code with its outputs."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from pybot.services.records.output import Output


class CellStatus(StrEnum):
    """How far the execution of a cell is."""

    WRITING = "WRITING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come from the kernel."""
        return self in (CellStatus.COMPLETED, CellStatus.FAILED, CellStatus.INTERRUPTED)


class Cell(Struct, frozen=True, kw_only=True):
    """Code with its outputs."""

    # The message's ID and the index of the cell's part.
    id: str
    run_id: str | None
    source: str
    language: str = "python"
    status: CellStatus
    # The kernel's counter, In [n]; None until the kernel has taken the code.
    execution_count: int | None = None
    # Empty in events: outputs have events of their own.
    outputs: tuple[Output, ...] = ()
    # Raised each time the outputs are cleared, and when another attempt at the run writes the cell
    # again; deltas and outputs of an older revision are void.
    revision: int = 0
    # The generation of the kernel that ran it; None before it runs.
    kernel_generation: int | None = None
    # When the code went to the kernel, and when the cell ended.
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def message_id(self) -> str:
        """The message that the cell is in."""
        return self.id.rpartition(".")[0]

    @property
    def part_index(self) -> int:
        """The position of the cell among its message's parts."""
        return int(self.id.rpartition(".")[2])
