"""Folding a log's events into parts."""

import time

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pybot.services.records import (
    Cell,
    CellPart,
    CellStatus,
    ErrorOutput,
    ErrorPart,
    Kernel,
    KernelStatus,
    Message,
    MessageRole,
    MessageStatus,
    Output,
    RunError,
    RunErrorCode,
    StreamName,
    StreamOutput,
    TextPart,
)
from pybot.services.records.events import (
    CellChanged,
    CodeDelta,
    Event,
    KernelChanged,
    MessageChanged,
    OutputChanged,
    OutputsCleared,
    StreamDelta,
    TextDelta,
    joined,
)
from pybot.services.records.fold import Fold
from pybot.services.values.instants import now

M = "c.m"
MESSAGE = Message(
    id=M, role=MessageRole.ASSISTANT, status=MessageStatus.IN_PROGRESS, created_at=now()
)
CELL = Cell(id=f"{M}.1", run_id="c.r", source="", status=CellStatus.WRITING)
PRINTED = StreamOutput(index=0, name=StreamName.STDOUT, text="a")
RAISED = ErrorOutput(index=1, ename="E", evalue="v", traceback=())
ERROR = RunError(code=RunErrorCode.MODEL_INTERRUPTED, message="It broke off.")


def text(offset: int, piece: str, revision: int = 0, index: int = 0) -> TextDelta:
    return TextDelta(M, index, revision, offset, piece)


def folded(*events: Event) -> Fold:
    fold = Fold()
    for event in events:
        fold.apply(event)
    return fold


def cell_outputs(*events: Event) -> tuple[Output, ...]:
    cell = folded(CellChanged(CELL), *events).cell(CELL.id)
    assert cell is not None
    return cell.outputs


def test_deltas_make_a_text_part() -> None:
    fold = folded(MessageChanged(MESSAGE), text(0, "Hel"), text(3, "lo"))
    assert fold.parts(M) == (TextPart(index=0, text="Hello"),)
    assert fold.message(M) == MESSAGE


def test_a_repeated_or_overlapping_delta_is_not_doubled() -> None:
    fold = folded(text(0, "Hel"), text(0, "Hel"), text(2, "llo"))
    assert fold.parts(M) == (TextPart(index=0, text="Hello"),)


def test_a_newer_revision_replaces_the_text() -> None:
    fold = folded(text(0, "old"), text(0, "new", 1), text(3, " stale"))
    assert fold.parts(M) == (TextPart(index=0, text="new", revision=1),)


def test_offsets_are_code_points() -> None:
    assert folded(text(0, "🐍"), text(1, "é")).parts(M) == (TextPart(index=0, text="🐍é"),)


def test_reasoning_is_a_part_of_its_own() -> None:
    fold = folded(TextDelta(M, 0, 0, 0, "hm", True), text(0, "so", index=1))
    assert fold.parts(M) == (
        TextPart(index=0, text="hm", reasoning=True),
        TextPart(index=1, text="so"),
    )


def test_code_grows_until_the_cell_replaces_it() -> None:
    writing = folded(
        CellChanged(CELL), CodeDelta(CELL.id, 0, 0, "1"), CodeDelta(CELL.id, 0, 1, "+1")
    )
    assert writing.parts(M) == (CellPart(index=1, cell=replace(CELL, source="1+1")),)
    queued = replace(CELL, source="1+1", status=CellStatus.QUEUED)
    writing.apply(CellChanged(queued))
    assert writing.cell(CELL.id) == queued


def test_outputs_stay_when_their_cell_changes() -> None:
    done = replace(CELL, status=CellStatus.COMPLETED)
    outputs = cell_outputs(
        OutputChanged(CELL.id, 0, PRINTED), StreamDelta(CELL.id, 0, 0, 1, "b"), CellChanged(done)
    )
    assert outputs == (replace(PRINTED, text="ab"),)


def test_an_output_is_replaced_at_its_index() -> None:
    cut = replace(PRINTED, text="ab", truncated=True, blob="d")
    outputs = cell_outputs(
        OutputChanged(CELL.id, 0, PRINTED),
        OutputChanged(CELL.id, 0, RAISED),
        OutputChanged(CELL.id, 0, cut),
    )
    assert outputs == (cut, RAISED)


def test_clearing_empties_a_cell_and_raises_its_revision() -> None:
    fresh = replace(PRINTED, text="new")
    outputs = cell_outputs(
        OutputChanged(CELL.id, 0, PRINTED),
        OutputsCleared(CELL.id, 1),
        StreamDelta(CELL.id, 0, 0, 1, "stale"),
        OutputChanged(CELL.id, 1, fresh),
        CellChanged(replace(CELL, revision=1)),
    )
    assert outputs == (fresh,)


def test_a_newer_revision_of_a_cell_has_no_outputs() -> None:
    outputs = cell_outputs(
        OutputChanged(CELL.id, 0, PRINTED),
        CellChanged(replace(CELL, revision=1)),
        CellChanged(replace(CELL, status=CellStatus.FAILED)),
    )
    assert outputs == ()


def test_kept_parts_drops_what_is_redone() -> None:
    fold = folded(
        MessageChanged(MESSAGE),
        text(0, "kept"),
        CellChanged(CELL),
        text(0, "dropped", index=2),
        MessageChanged(MESSAGE, kept_parts=1),
    )
    assert fold.parts(M) == (TextPart(index=0, text="kept"),)
    fold.apply(text(0, "redone", 1, index=1))
    assert fold.parts(M)[1] == TextPart(index=1, text="redone", revision=1)


def test_an_error_is_the_last_part() -> None:
    failed = replace(MESSAGE, status=MessageStatus.FAILED, error=ERROR)
    fold = folded(MessageChanged(MESSAGE), text(0, "partial"), MessageChanged(failed))
    assert fold.parts(M) == (
        TextPart(index=0, text="partial"),
        ErrorPart(index=1, error=ERROR),
    )


def test_what_is_unknown_or_of_others_is_passed_over() -> None:
    kernel = Kernel(conversation_id="c", status=KernelStatus.IDLE)
    fold = folded(
        KernelChanged(kernel),
        CodeDelta("c.m.7", 0, 0, "x"),
        StreamDelta("c.m.7", 0, 0, 0, "x"),
    )
    assert fold.parts(M) == ()
    assert fold.cell("c.m.7") is None
    assert fold.message(M) is None


@given(st.lists(st.text(max_size=5), max_size=20), st.data())
def test_merged_deltas_fold_to_the_same(pieces: list[str], data: st.DataObject) -> None:
    """A log whose deltas were merged says the same as one whose deltas were not."""
    events: list[Event] = []
    offset = 0
    for piece in pieces:
        delta = text(offset, piece)
        offset += len(piece)
        merge = bool(events) and data.draw(st.booleans(), label="merge")
        merged = joined(events.pop(), delta) if merge else delta
        assert merged is not None
        events.append(merged)
    fold = folded(*events)
    for event in events:
        fold.apply(event)
    if pieces:
        assert fold.parts(M) == (TextPart(index=0, text="".join(pieces)),)


def test_long_streams_fold_in_linear_time() -> None:
    """Quadratic joining of 200,000 pieces would copy 20 GB."""
    fold = folded(CellChanged(CELL), OutputChanged(CELL.id, 0, replace(PRINTED, text="")))
    started = time.process_time()
    for number in range(200_000):
        fold.apply(StreamDelta(CELL.id, 0, 0, number, "x"))
    cell = fold.cell(CELL.id)
    assert cell is not None
    assert cell.outputs == (replace(PRINTED, text="x" * 200_000),)
    assert time.process_time() - started < 5
