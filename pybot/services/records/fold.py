"""Folds events into messages with their parts, as a client does that reads the log.

No I/O, and cheap: texts are lists of pieces, which are joined only when they are asked for.
"""

from dataclasses import dataclass, field

from msgspec.structs import replace

from pybot.services.records import (
    Cell,
    CellPart,
    ErrorPart,
    Message,
    Output,
    Part,
    StreamOutput,
    TextPart,
)
from pybot.services.records.events import (
    CellChanged,
    CodeDelta,
    Event,
    MessageChanged,
    OutputChanged,
    OutputsCleared,
    StreamDelta,
    TextDelta,
)


class _Text:
    """A text that grows: its pieces, and its length in code points."""

    __slots__ = ("length", "pieces")

    def __init__(self, text: str = "") -> None:
        self.pieces = [text] if text else []
        self.length = len(text)

    def add(self, offset: int, text: str) -> None:
        """Add `text` at `offset`; the part of it that is there already is skipped.

        A delta beyond the text's end is left out: the delta before it is missing.
        """
        known = self.length - offset
        if 0 <= known < len(text):
            self.pieces.append(text[known:])
            self.length += len(text) - known

    def __str__(self) -> str:
        if len(self.pieces) > 1:
            self.pieces = ["".join(self.pieces)]
        return self.pieces[0] if self.pieces else ""


@dataclass(slots=True)
class _TextState:
    """A text part as folded so far."""

    revision: int
    reasoning: bool
    text: _Text = field(default_factory=_Text)

    def part(self, index: int) -> Part:
        return TextPart(
            index=index, text=str(self.text), revision=self.revision, reasoning=self.reasoning
        )


@dataclass(slots=True)
class _OutputState:
    """The newest OutputChanged of an output, and the text of a stream with later deltas."""

    output: Output
    text: _Text | None = None

    def record(self) -> Output:
        if self.text is None or not isinstance(self.output, StreamOutput):
            return self.output
        return replace(self.output, text=str(self.text))


@dataclass(slots=True)
class _CellState:
    """A cell as folded so far."""

    cell: Cell
    source: _Text
    outputs: dict[int, _OutputState] = field(default_factory=dict[int, _OutputState])

    @property
    def revision(self) -> int:
        return self.cell.revision

    def record(self) -> Cell:
        outputs = tuple(self.outputs[index].record() for index in sorted(self.outputs))
        return replace(self.cell, source=str(self.source), outputs=outputs)

    def part(self, index: int) -> Part:
        return CellPart(index=index, cell=self.record())


_PartState = _TextState | _CellState


class Fold:
    """The messages of a log, folded from its events in order."""

    def __init__(self) -> None:
        self._messages: dict[str, Message] = {}
        self._parts: dict[str, dict[int, _PartState]] = {}

    def apply(self, event: Event) -> None:
        """Apply the log's next event; events that do not concern messages change nothing.

        Deltas of an older revision change nothing either: their part was redone or cleared.
        """
        match event:
            case MessageChanged():
                self._message_changed(event)
            case TextDelta():
                self._text_delta(event)
            case CodeDelta():
                if cell := self._cell(event.cell_id, event.revision):
                    cell.source.add(event.offset, event.text)
            case CellChanged():
                self._cell_changed(event.cell)
            case OutputChanged():
                self._output_changed(event)
            case StreamDelta():
                self._stream_delta(event)
            case OutputsCleared():
                self._outputs_cleared(event)
            case _:
                pass

    def message(self, message_id: str) -> Message | None:
        """The message of the newest event; None when no event had it."""
        return self._messages.get(message_id)

    def parts(self, message_id: str) -> tuple[Part, ...]:
        """The message's parts so far, with its error as the last one."""
        states = self._parts.get(message_id, {})
        parts = tuple(states[index].part(index) for index in sorted(states))
        message = self._messages.get(message_id)
        if message is None or message.error is None:
            return parts
        return (*parts, ErrorPart(index=max(states, default=-1) + 1, error=message.error))

    def cell(self, cell_id: str) -> Cell | None:
        """A cell with its outputs so far; None when no event had it."""
        state = self._cell(cell_id)
        return None if state is None else state.record()

    def _cell(self, cell_id: str, revision: int | None = None) -> _CellState | None:
        """The cell, if it is of `revision`."""
        message_id, _, index = cell_id.rpartition(".")
        state = self._parts.get(message_id, {}).get(int(index))
        if not isinstance(state, _CellState) or revision not in (None, state.revision):
            return None
        return state

    def _message_changed(self, event: MessageChanged) -> None:
        self._messages[event.message.id] = event.message
        count = event.kept_parts
        if count is not None:
            states = self._parts.get(event.message.id, {})
            self._parts[event.message.id] = {i: s for i, s in states.items() if i < count}

    def _text_delta(self, event: TextDelta) -> None:
        parts = self._parts.setdefault(event.message_id, {})
        state = parts.get(event.part_index)
        if state is None or state.revision < event.revision:
            state = _TextState(event.revision, event.reasoning)
            parts[event.part_index] = state
        if isinstance(state, _TextState) and state.revision == event.revision:
            state.text.add(event.offset, event.text)

    def _cell_changed(self, cell: Cell) -> None:
        parts = self._parts.setdefault(cell.message_id, {})
        state = parts.get(cell.part_index)
        if state is not None and state.revision > cell.revision:
            return
        outputs: dict[int, _OutputState] = {}
        if isinstance(state, _CellState) and state.revision == cell.revision:
            outputs = state.outputs
        parts[cell.part_index] = _CellState(cell, _Text(cell.source), outputs)

    def _output_changed(self, event: OutputChanged) -> None:
        if cell := self._cell(event.cell_id, event.revision):
            output = event.output
            text = _Text(output.text) if isinstance(output, StreamOutput) else None
            cell.outputs[output.index] = _OutputState(output, text)

    def _stream_delta(self, event: StreamDelta) -> None:
        cell = self._cell(event.cell_id, event.revision)
        output = cell.outputs.get(event.output_index) if cell else None
        if output is not None and output.text is not None:
            output.text.add(event.offset, event.text)

    def _outputs_cleared(self, event: OutputsCleared) -> None:
        cell = self._cell(event.cell_id)
        if cell is not None and cell.revision < event.revision:
            cell.cell = replace(cell.cell, revision=event.revision)
            cell.outputs = {}
