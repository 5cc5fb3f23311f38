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
    """Code with its outputs; its ID is its message's ID and its part's index."""

    id: str
    run_id: str | None
    source: str
    language: str = "python"
    status: CellStatus
    execution_count: int | None = None
    outputs: tuple[Output, ...] = ()
    revision: int = 0
    kernel_generation: int | None = None
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
