"""What a cell put out: the four kinds of output."""

from collections.abc import Sequence
from enum import Enum
from typing import Annotated, assert_never

import strawberry
from strawberry import UNSET

from pybot.schema import ids
from pybot.schema.fields import field, given
from pybot.schema.node import Node
from pybot.schema.representation import Download, Representation, accepted, url_of
from pybot.schema.scalars import URL
from pybot.services import records
from pybot.services.conversations.stored_outputs import filename_of

TEXT = "text/plain"

Accept = Annotated[
    list[str] | None,
    strawberry.argument(
        description="Only these media types, in this order; a type may end in `/*`."
    ),
]


@strawberry.enum(description="Standard output or standard error.")
class StreamName(Enum):
    """The stream that text was printed to."""

    STDOUT = strawberry.enum_value("STDOUT", description="Standard output.")
    STDERR = strawberry.enum_value("STDERR", description="Standard error.")


@strawberry.interface(description="Something that a cell put out.")
class Output(Node):
    """What all outputs have; `output_id` is the service's ID."""

    record: strawberry.Private[records.Output]
    output_id: strawberry.Private[str]
    index: int = strawberry.field(description="The position of the output in its cell, from 0.")
    truncated: bool = strawberry.field(
        description="Whether it was cut at `Limits.maxOutputLength`; "
        "what was kept of it is at `download`."
    )

    @field("What was kept of the output: all of it, up to a limit that the server sets.")
    def download(self) -> Download:
        return download_of(self.record, self.output_id)


@strawberry.type(
    description="Text that was printed; neighbouring pieces of one stream are one output."
)
class StreamOutput(Output):
    """Printed text."""

    truncated: bool = strawberry.field(description="Whether it was cut.")
    name: StreamName = strawberry.field(description="Standard output or standard error.")
    text: str = strawberry.field(description="The text so far, with its ANSI escape sequences.")


@strawberry.type(description="Something that was shown: a plot, a table, HTML.")
class DisplayOutput(Output):
    """Something in several media types."""

    bundle: strawberry.Private[Sequence[records.Representation]]
    truncated: bool = strawberry.field(description="Whether it was cut.")
    display_id: str | None = strawberry.field(
        description="The display's ID, when later code can update it."
    )

    @field("The same thing in several media types, richest first.")
    def representations(self, accept: Accept = UNSET) -> list[Representation]:
        chosen = accepted(self.bundle, given(accept))
        return [Representation.from_record(item, self.output_id) for item in chosen]


@strawberry.type(description="The value of a cell's last expression.")
class ResultOutput(Output):
    """A value in several media types."""

    bundle: strawberry.Private[Sequence[records.Representation]]
    truncated: bool = strawberry.field(description="Whether it was cut.")
    execution_count: int = strawberry.field(description="The number in `Out[n]`.")

    @field("The same thing in several media types, richest first.")
    def representations(self, accept: Accept = UNSET) -> list[Representation]:
        chosen = accepted(self.bundle, given(accept))
        return [Representation.from_record(item, self.output_id) for item in chosen]


@strawberry.type(description="An exception that was raised.")
class ErrorOutput(Output):
    """An exception."""

    truncated: bool = strawberry.field(description="Whether it was cut.")
    ename: str = strawberry.field(
        description="The exception's name, for example `ZeroDivisionError`."
    )
    evalue: str = strawberry.field(
        description="The exception's value, for example `division by zero`."
    )
    traceback: list[str] = strawberry.field(
        description="The traceback's lines, with their ANSI escape sequences."
    )


def output_from_record(record: records.Output, cell_id: str) -> Output:
    """An output of a cell as its record has it."""
    output_id = f"{cell_id}.{record.index}"
    global_id = ids.encode("Output", output_id)
    match record:
        case records.StreamOutput():
            return StreamOutput(
                id=global_id,
                record=record,
                output_id=output_id,
                index=record.index,
                truncated=record.truncated,
                name=StreamName[record.name.name],
                text=record.text,
            )
        case records.DisplayOutput():
            return DisplayOutput(
                id=global_id,
                record=record,
                output_id=output_id,
                index=record.index,
                truncated=record.truncated,
                bundle=record.representations,
                display_id=record.display_id,
            )
        case records.ResultOutput():
            return ResultOutput(
                id=global_id,
                record=record,
                output_id=output_id,
                index=record.index,
                truncated=record.truncated,
                bundle=record.representations,
                execution_count=record.execution_count,
            )
        case records.ErrorOutput():
            return ErrorOutput(
                id=global_id,
                record=record,
                output_id=output_id,
                index=record.index,
                truncated=record.truncated,
                ename=record.ename,
                evalue=record.evalue,
                traceback=list(record.traceback),
            )
        case _:
            assert_never(record)


def download_of(record: records.Output, output_id: str) -> Download:
    """Where to fetch an output, as far as it is stored, in its richest media type."""
    match record:
        case records.StreamOutput() | records.ErrorOutput():
            return _text_download(record, output_id)
        case records.DisplayOutput() | records.ResultOutput():
            if not record.representations:
                return _text_download(record, output_id)
            richest = record.representations[0]
            return Download(
                url=url_of(output_id, richest),
                filename=filename_of(record, richest.media_type),
                media_type=richest.media_type,
            )
        case _:
            assert_never(record)


def _text_download(record: records.Output, output_id: str) -> Download:
    url = URL(f"/outputs/{output_id}")
    return Download(url=url, filename=filename_of(record), media_type=TEXT)
