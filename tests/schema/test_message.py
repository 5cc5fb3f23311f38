"""Messages' parts and text."""

from typing import Any, cast

from pybot.schema.message import part_from_record
from pybot.schema.part import CellPart, ErrorPart, ReasoningPart, TextPart
from pybot.schema.scope import Scope
from pybot.services import records
from pybot.services.records import joined_text

CELL = records.Cell(id="c.m.1", run_id="c.r", source="1", status=records.CellStatus.QUEUED)
ERROR = records.RunError(code=records.RunErrorCode.MODEL_BUSY, message="Busy.", retryable=True)
PARTS: tuple[records.Part, ...] = (
    records.TextPart(index=0, text="Let me think.", reasoning=True),
    records.TextPart(index=1, text="Here it is:\n", revision=2),
    records.CellPart(index=2, cell=CELL),
    records.TextPart(index=3, text=""),
    records.TextPart(index=4, text="Done."),
    records.ErrorPart(index=5, error=ERROR),
)


def test_text_is_what_was_written_without_what_was_thought() -> None:
    """Parts become paragraphs, so that a list or a fence in one does not swallow the next."""
    assert joined_text(PARTS) == "Here it is:\n\n\nDone."


def test_text_of_one_part_is_untouched() -> None:
    assert joined_text((records.TextPart(index=0, text="\n x \n"),)) == "\n x \n"
    assert joined_text(()) == ""


def test_parts_keep_their_kind_and_place() -> None:
    scope = Scope(cast("Any", None), records.Viewer(username="alice"), "c")
    parts = [part_from_record(part, scope) for part in PARTS]
    kinds = [type(part) for part in parts]
    assert kinds == [ReasoningPart, TextPart, CellPart, TextPart, TextPart, ErrorPart]
    assert [part.index for part in parts] == [0, 1, 2, 3, 4, 5]
    assert isinstance(parts[1], TextPart)
    assert parts[1].revision == 2
    assert isinstance(parts[5], ErrorPart)
    assert (parts[5].error.code.name, parts[5].error.message) == ("MODEL_BUSY", "Busy.")
