"""What a cell printed, showed, returned or raised."""

from enum import StrEnum

from msgspec import Struct


class StreamName(StrEnum):
    """The stream that text was printed to."""

    STDOUT = "STDOUT"
    STDERR = "STDERR"


class Representation(Struct, frozen=True, kw_only=True):
    """An output in one media type, inline in `text` or stored as a blob."""

    media_type: str
    byte_size: int
    # Set for small text; JSON types as their JSON text.
    text: str | None = None
    # Else set: the digest that `Blobs.read` takes.
    blob: str | None = None
    # How large an image is to be shown, in CSS pixels; None when not known.
    width: int | None = None
    height: int | None = None


class StreamOutput(Struct, frozen=True, kw_only=True, tag="stream"):
    """Text that was printed, without a break by another output."""

    # The position among the cell's outputs, here and below.
    index: int
    name: StreamName
    text: str
    # Whether `text` was cut.
    truncated: bool = False
    # The digest of a longer beginning of the text, when it was cut and there was storage.
    blob: str | None = None


class DisplayOutput(Struct, frozen=True, kw_only=True, tag="display"):
    """Something that was shown, richest representation first."""

    index: int
    representations: tuple[Representation, ...]
    # The name under which code may replace what it showed.
    display_id: str | None = None
    # Whether a representation was left out or, as text, is not inline.
    truncated: bool = False


class ResultOutput(Struct, frozen=True, kw_only=True, tag="result"):
    """The value of a cell's last expression, richest representation first."""

    index: int
    execution_count: int
    representations: tuple[Representation, ...]
    truncated: bool = False


class ErrorOutput(Struct, frozen=True, kw_only=True, tag="error"):
    """An exception that ended the code, or Pybot's own note on why the cell was stopped."""

    index: int
    ename: str
    evalue: str
    # Lines with terminal colours, as IPython makes them.
    traceback: tuple[str, ...]
    # Whether `evalue` and `traceback` were cut; `blob` has more of the traceback then.
    truncated: bool = False
    blob: str | None = None


Output = StreamOutput | DisplayOutput | ResultOutput | ErrorOutput
