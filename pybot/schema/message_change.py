"""Inputs and payloads of the mutations of messages and runs."""

import strawberry
from strawberry import UNSET

from pybot.schema.conversation import Conversation
from pybot.schema.errors import UserError
from pybot.schema.message import Message
from pybot.schema.run import Run


@strawberry.input(description="The conversation that is created for a message.")
class NewConversationInput:
    """Absent fields and null ones mean the same."""

    title: str | None = strawberry.field(
        default=UNSET, description="The title; made from the first message when absent."
    )
    model_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The model; the server's default when absent."
    )
    instructions: str | None = strawberry.field(
        default=UNSET,
        description="What the assistant is told beside the server's own system prompt.",
    )


@strawberry.input(one_of=True, description="Where a message goes: exactly one of these.")
class MessageTarget:
    """The field that is not given is UNSET."""

    conversation_id: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The end of this conversation's active path."
    )
    new_conversation: NewConversationInput | None = strawberry.field(
        default=UNSET, description="A conversation that is created for it."
    )


@strawberry.input(description="What to send and where.")
class SendMessageInput:
    """A message of the user's."""

    target: MessageTarget = strawberry.field(description="Where it goes.")
    text: str = strawberry.field(description="The text, in Markdown.")
    idempotency_key: str | None = strawberry.field(
        default=UNSET,
        description="Any string of the caller's: a repeated request with it within 24 hours gives "
        "the first one's result, also while that is still being made, so a lost answer can be "
        "asked for again.",
    )


@strawberry.type(description="The message and the run that answers it, or its place in the queue.")
class SendMessagePayload:
    """The result of `sendMessage`."""

    message: Message | None = strawberry.field(
        default=None, description="The user's message; null with errors, and while it waits."
    )
    run: Run | None = strawberry.field(
        default=None,
        description="The run that answers it; null with errors, and while the message waits.",
    )
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation; null with errors."
    )
    event_cursor: str | None = strawberry.field(
        default=None,
        description="The cursor just before the message's first event, to subscribe from.",
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list[UserError],
        description="What is wrong with the request; empty when it was carried out.",
    )


@strawberry.input(description="What to write again.")
class RegenerateMessageInput:
    """The newest answer."""

    message_id: strawberry.ID = strawberry.field(description="One of the assistant's messages.")
    idempotency_key: str | None = strawberry.field(
        default=UNSET, description="Any string of the caller's, as in `SendMessageInput`."
    )


@strawberry.type(description="The new version and the run that writes it.")
class RegenerateMessagePayload:
    """The result of `regenerateMessage`."""

    message: Message | None = strawberry.field(
        default=None, description="The new version; null with errors."
    )
    run: Run | None = strawberry.field(default=None, description="The run; null with errors.")
    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation; null with errors."
    )
    event_cursor: str | None = strawberry.field(
        default=None,
        description="The cursor just before the new version's first event, to subscribe from.",
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list[UserError],
        description="What is wrong with the request; empty when it was carried out.",
    )


@strawberry.input(description="Which run.")
class CancelRunInput:
    """A run, ended or not."""

    run_id: strawberry.ID = strawberry.field(description="The run.")


@strawberry.type(description="The cancelled run.")
class CancelRunPayload:
    """The result of `cancelRun`."""

    run: Run | None = strawberry.field(default=None, description="The run; null with errors.")
    errors: list[UserError] = strawberry.field(
        default_factory=list[UserError],
        description="What is wrong with the request; empty when it was carried out.",
    )
