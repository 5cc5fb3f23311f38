"""What a message consists of."""

import strawberry

from pybot.schema.lazy import LazyCell
from pybot.schema.run_error import RunError


@strawberry.interface(
    description="A part of a message. New kinds of parts may be added in any release: "
    "pass over those that you do not know."
)
class MessagePart:
    """A part and its position."""

    index: int = strawberry.field(description="The position of the part in its message, from 0.")


@strawberry.type(description="Text in Markdown.")
class TextPart(MessagePart):
    """What the user or the model wrote."""

    text: str = strawberry.field(description="The text so far.")
    revision: int = strawberry.field(
        description="How often the part was begun anew; "
        "deltas of another revision do not belong to this text."
    )


@strawberry.type(
    description="What the model thought before it answered, where the model gives that."
)
class ReasoningPart(MessagePart):
    """What the model thought."""

    text: str = strawberry.field(description="The text so far.")
    revision: int = strawberry.field(
        description="How often the part was begun anew; "
        "deltas of another revision do not belong to this text."
    )


@strawberry.type(description="Code, with its outputs once it has run.")
class CellPart(MessagePart):
    """A cell in its place."""

    cell: LazyCell = strawberry.field(description="The code with its outputs.")


@strawberry.type(description="Why a message broke off.")
class ErrorPart(MessagePart):
    """The error that ended the message."""

    error: RunError = strawberry.field(description="What went wrong.")
