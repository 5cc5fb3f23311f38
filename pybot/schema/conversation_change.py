"""Inputs and payloads of the mutations of conversations."""

import strawberry
from strawberry import UNSET

from pybot.schema.conversation import Conversation
from pybot.schema.errors import UserError


@strawberry.input(description="What to create.")
class CreateConversationInput:
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
    idempotency_key: str | None = strawberry.field(
        default=UNSET,
        description="Any string of the caller's: a repeated request with it within 24 hours gives "
        "the first one's result.",
    )


@strawberry.type(description="The created conversation.")
class CreateConversationPayload:
    """The result of `createConversation`."""

    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation; null with errors."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list[UserError],
        description="What is wrong with the request; empty when it was carried out.",
    )


@strawberry.input(
    description="What to change; absent fields stay as they are, "
    "and null puts a field back to its default."
)
class UpdateConversationInput:
    """An absent field is UNSET, one that is null is None."""

    conversation_id: strawberry.ID = strawberry.field(description="The conversation.")
    title: str | None = strawberry.field(
        default=UNSET,
        description="The new title; null lets it be made from the first message again.",
    )
    pinned: bool | None = strawberry.field(
        default=UNSET, description="Whether it is kept at the top."
    )
    archived: bool | None = strawberry.field(default=UNSET, description="Whether it is put away.")
    model_id: strawberry.ID | None = strawberry.field(default=UNSET, description="The model.")
    instructions: str | None = strawberry.field(
        default=UNSET,
        description="What the assistant is told beside the server's own system prompt.",
    )


@strawberry.type(description="The changed conversation.")
class UpdateConversationPayload:
    """The result of `updateConversation`."""

    conversation: Conversation | None = strawberry.field(
        default=None, description="The conversation; null with errors."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list[UserError],
        description="What is wrong with the request; empty when it was carried out.",
    )


@strawberry.input(description="Which conversations.")
class ArchiveConversationsInput:
    """Conversations to archive, or to take out of the archive."""

    conversation_ids: list[strawberry.ID] = strawberry.field(
        description="The conversations, at most 100."
    )
    archived: bool = strawberry.field(default=True, description="Whether they are put away.")


@strawberry.type(description="The changed conversations.")
class ArchiveConversationsPayload:
    """The result of `archiveConversations`."""

    changed_conversation_ids: list[strawberry.ID] | None = strawberry.field(
        default=None,
        description="The IDs of those that were put away, or back; null with errors.",
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list[UserError],
        description="What is wrong with the request; empty when it was carried out.",
    )


@strawberry.input(description="What to delete.")
class DeleteConversationsInput:
    """Which conversations."""

    conversation_ids: list[strawberry.ID] = strawberry.field(
        description="The conversations, at most 100."
    )


@strawberry.type(description="The deleted conversations.")
class DeleteConversationsPayload:
    """The result of `deleteConversations`."""

    deleted_conversation_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="The IDs of those that were deleted; null with errors."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list[UserError],
        description="What is wrong with the request; empty when it was carried out.",
    )
