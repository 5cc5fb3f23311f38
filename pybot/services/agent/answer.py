"""The answer that is being written: its parts, published as they grow, committed as they end.

Text loses the blank lines at its ends. Code that repeats the last cell is held back until it
differs, so that a model which only repeats itself leaves no trace.
"""

from msgspec.structs import replace

from pybot.services.agent.bundles import clean
from pybot.services.agent.failures import too_many_steps
from pybot.services.agent.observations import observe
from pybot.services.agent.ports import Assignment, RunLog, Step
from pybot.services.background.tasks import finish_despite_cancel
from pybot.services.records import Cell, CellPart, CellStatus, Part, TextPart
from pybot.services.records.events import CellChanged, CodeDelta, Event, TextDelta
from pybot.services.values.instants import now


class _Growing:
    """A text that grows: what was published of it, and what is held back."""

    def __init__(self, *, reasoning: bool = False) -> None:
        self.reasoning = reasoning
        self.held = ""
        self.length = 0
        self._pieces: list[str] = []

    def publish(self, text: str) -> int:
        """Add a published piece; its offset in code points."""
        offset = self.length
        self._pieces.append(text)
        self.length += len(text)
        return offset

    def __str__(self) -> str:
        return "".join(self._pieces)


class Answer:
    """The parts of one message, the last of which may be open.

    Raises RunNotCompleted when a cell more than `max_cells` begins.
    """

    def __init__(self, log: RunLog, assignment: Assignment, *, max_cells: int) -> None:
        self._log = log
        self._max_cells = max_cells
        self._message_id = assignment.message_id
        self._run_id = assignment.run_id
        self.parts: list[Part] = list(assignment.parts[: assignment.committed])
        self._revision = _next_revision(assignment)
        self._text: _Growing | None = None
        self._code: _Growing | None = None
        self._cell: Cell | None = None

    @property
    def has_open_cell(self) -> bool:
        """Whether a cell is being written or run."""
        return self._cell is not None

    @property
    def cells(self) -> list[Cell]:
        """The cells that are finished."""
        return [part.cell for part in self.parts if isinstance(part, CellPart)]

    async def write_text(self, text: str, *, reasoning: bool = False) -> None:
        """Add to the text part, or begin one."""
        if self._text is not None and self._text.reasoning != reasoning:
            await self.end_text()
        if self._text is None:
            self._text = _Growing(reasoning=reasoning)
        growing = self._text
        text = growing.held + clean(text)
        if not growing.length:
            text = text.lstrip("\r\n")
        visible = text.rstrip()
        if not growing.length and self._last_text(reasoning).startswith(visible):
            visible = ""
        growing.held = text[len(visible) :]
        await self._publish_text(growing, visible)

    async def end_text(self, *, at_end: bool = False) -> None:
        """Commit the text part, if one is open and has any text.

        At the end of the answer, text that only repeats the last is left out.
        """
        growing, self._text = self._text, None
        if growing is None:
            return
        held = growing.held.rstrip()
        if held and not (at_end and held == self._last_text(growing.reasoning)):
            await self._publish_text(growing, held)
        if growing.length:
            part = TextPart(
                index=len(self.parts),
                text=str(growing),
                revision=self._revision,
                reasoning=growing.reasoning,
            )
            await self._commit(Step(part=part))

    async def write_code(self, text: str) -> None:
        """Add to the cell; begins one once the code differs from the last cell's."""
        if self._code is None:
            self._code = _Growing()
        growing = self._code
        growing.held += clean(text)
        is_repeat = bool(self.cells) and self.cells[-1].source.startswith(growing.held)
        if self._cell is not None or (growing.held.strip() and not is_repeat):
            await self._publish_code(growing)

    async def end_code(self) -> Cell | None:
        """The cell with its complete code; None without code, or when it repeats the last cell."""
        growing, self._code = self._code, None
        if growing is None:
            return None
        code = growing.held.strip()
        if code and not (self.cells and self.cells[-1].source.strip() == code):
            await self._publish_code(growing)
        if self._cell is not None:
            self._cell = replace(self._cell, source=str(growing))
        return self._cell

    async def change_cell(self, cell: Cell) -> None:
        """Replace the open cell, and publish it without its outputs."""
        self._cell = cell
        await self._log.emit(CellChanged(replace(cell, outputs=())))

    async def end_cell(self, cell: Cell, events: list[Event], observation: str) -> None:
        """Commit the open cell, which has ended."""
        self._cell = None
        changed = CellChanged(replace(cell, outputs=()))
        part = CellPart(index=cell.part_index, cell=cell)
        await self._commit(Step(part=part, events=(*events, changed), observation=observation))

    async def abandon(self) -> None:
        """Commit the open part as it is; an open cell ends INTERRUPTED."""
        await self.end_text()
        growing, self._code = self._code, None
        cell = self._cell
        if cell is not None:
            source = str(growing) if growing is not None else cell.source
            ended = replace(cell, source=source, status=CellStatus.INTERRUPTED, completed_at=now())
            await self.end_cell(ended, [], observe(ended))

    def _last_text(self, reasoning: bool) -> str:
        """The newest committed text part; "" for none, and for reasoning."""
        texts = [part.text for part in self.parts if isinstance(part, TextPart)]
        return texts[-1] if texts and not reasoning else ""

    async def _publish_text(self, growing: _Growing, text: str) -> None:
        if text:
            index, revision = len(self.parts), self._revision
            offset = growing.publish(text)
            await self._log.emit(
                TextDelta(self._message_id, index, revision, offset, text, growing.reasoning)
            )

    async def _publish_code(self, growing: _Growing) -> None:
        if self._cell is None:
            await self.end_text()
            if len(self.cells) >= self._max_cells:
                raise too_many_steps(self._max_cells)
            self._cell = Cell(
                id=f"{self._message_id}.{len(self.parts)}",
                run_id=self._run_id,
                source="",
                status=CellStatus.WRITING,
                revision=self._revision,
            )
            await self._log.emit(CellChanged(self._cell))
        code, growing.held = growing.held, ""
        offset = growing.publish(code)
        await self._log.emit(CodeDelta(self._cell.id, self._cell.revision, offset, code))

    async def _commit(self, step: Step) -> None:
        self.parts.append(step.part)
        self._revision = 0
        await finish_despite_cancel(self._log.commit(step))


def _next_revision(assignment: Assignment) -> int:
    """The revision of the next part: one more than that of what is redone."""
    for part in assignment.parts[assignment.committed :]:
        if isinstance(part, TextPart):
            return part.revision + 1
        if isinstance(part, CellPart):
            return part.cell.revision + 1
    return 0
