"""What a cell printed, showed, returned or raised."""

from enum import StrEnum

from msgspec import Struct


class StreamName(StrEnum):
    """The stream that text was printed to."""

    STDOUT = "STDOUT"
    STDERR = "STDERR"


class Representation(Struct, frozen=True, kw_only=True):
    """A thing in one media type: inline in `text` while it is small text, else stored under `blob`.

    JSON types are inline as their JSON text. `blob` is a digest that `Blobs.read` takes.
    """

    media_type: str
    byte_size: int
    text: str | None = None
    blob: str | None = None


class StreamOutput(Struct, frozen=True, kw_only=True, tag="stream"):
    """Text that was printed. `blob` has what was kept when `text` was cut."""

    index: int
    name: StreamName
    text: str
    truncated: bool = False
    blob: str | None = None


class DisplayOutput(Struct, frozen=True, kw_only=True, tag="display"):
    """Something that was shown, richest representation first."""

    index: int
    representations: tuple[Representation, ...]
    display_id: str | None = None
    truncated: bool = False


class ResultOutput(Struct, frozen=True, kw_only=True, tag="result"):
    """The value of a cell's last expression, richest representation first."""

    index: int
    execution_count: int
    representations: tuple[Representation, ...]
    truncated: bool = False


class ErrorOutput(Struct, frozen=True, kw_only=True, tag="error"):
    """An exception that was raised. `blob` has what was kept when it was cut."""

    index: int
    ename: str
    evalue: str
    traceback: tuple[str, ...]
    truncated: bool = False
    blob: str | None = None


Output = StreamOutput | DisplayOutput | ResultOutput | ErrorOutput
