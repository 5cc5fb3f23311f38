"""The typed pieces that a message is made of."""

from msgspec import Struct

from pybot.services.records.cell import Cell
from pybot.services.records.run import RunError


class TextPart(Struct, frozen=True, kw_only=True, tag="text"):
    """Markdown, or with `reasoning` what the model thought before it answered."""

    index: int
    text: str
    # Raised when another attempt at the run writes the part again from its beginning; deltas of an
    # older revision are void.
    revision: int = 0
    reasoning: bool = False


class CellPart(Struct, frozen=True, kw_only=True, tag="cell"):
    """Code with its outputs."""

    index: int
    cell: Cell


class ErrorPart(Struct, frozen=True, kw_only=True, tag="error"):
    """Why a message broke off."""

    index: int
    error: RunError


Part = TextPart | CellPart | ErrorPart


def joined_text(parts: tuple[Part, ...]) -> str:
    """The text parts as paragraphs of one Markdown text; what the model thought is left out."""
    return "\n\n".join(
        part.text
        for part in parts
        if isinstance(part, TextPart) and not part.reasoning and part.text
    )
