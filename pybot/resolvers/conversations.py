"""Creating, changing and deleting conversations."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

import strawberry

from pybot.context import Info
from pybot.errors import InvalidInput
from pybot.resolvers.payload_errors import MAX_IDS, PayloadErrors, decode_required
from pybot.schema import ids
from pybot.schema.conversation import Conversation
from pybot.schema.conversation_change import (
    ArchiveConversationsInput,
    ArchiveConversationsPayload,
    CreateConversationInput,
    CreateConversationPayload,
    DeleteConversationsInput,
    DeleteConversationsPayload,
    UpdateConversationInput,
    UpdateConversationPayload,
)
from pybot.schema.fields import given
from pybot.schema.scope import scope_with
from pybot.services.conversations.snapshots import Snapshot

T = TypeVar("T")


async def create_conversation(
    info: Info,
    input: Annotated[CreateConversationInput, strawberry.argument(description="What to create.")],
) -> CreateConversationPayload:
    """Create an empty conversation."""
    with PayloadErrors() as failed:
        snapshot = await info.context.services.conversations.create(
            info.context.viewer,
            title=given(input.title),
            model=model_name(input.model_id),
            instructions=given(input.instructions) or "",
            idempotency_key=given(input.idempotency_key),
        )
        return CreateConversationPayload(conversation=changed_conversation(info, snapshot))
    return CreateConversationPayload(errors=failed.errors)


async def update_conversation(
    info: Info,
    input: Annotated[UpdateConversationInput, strawberry.argument(description="What to change.")],
) -> UpdateConversationPayload:
    """Change what is given; a field that is null goes back to its default."""
    default_model = ids.encode("Model", info.context.services.models[0].name)
    with PayloadErrors() as failed:
        snapshot = await info.context.services.conversations.update(
            info.context.viewer,
            decode_required("Conversation", input.conversation_id, "conversationId"),
            title=given(input.title),
            makes_title=input.title is None,
            pinned=given_or_default(input.pinned, default=False),
            archived=given_or_default(input.archived, default=False),
            model=model_name(given_or_default(input.model_id, default=default_model)),
            instructions=given_or_default(input.instructions, default=""),
        )
        return UpdateConversationPayload(conversation=changed_conversation(info, snapshot))
    return UpdateConversationPayload(errors=failed.errors)


async def archive_conversations(
    info: Info,
    input: Annotated[
        ArchiveConversationsInput, strawberry.argument(description="Which conversations.")
    ],
) -> ArchiveConversationsPayload:
    """Archive the viewer's conversations, or undo that; all other IDs are ignored."""
    with PayloadErrors() as failed:
        changed = await info.context.services.conversations.archive(
            info.context.viewer,
            named_conversations(input.conversation_ids),
            archived=input.archived,
        )
        return ArchiveConversationsPayload(
            changed_conversation_ids=[ids.encode("Conversation", each) for each in changed]
        )
    return ArchiveConversationsPayload(errors=failed.errors)


async def delete_conversations(
    info: Info,
    input: Annotated[DeleteConversationsInput, strawberry.argument(description="What to delete.")],
) -> DeleteConversationsPayload:
    """Delete the viewer's conversations; all other IDs are ignored."""
    with PayloadErrors() as failed:
        deleted = await info.context.services.conversations.delete(
            info.context.viewer, named_conversations(input.conversation_ids)
        )
        return DeleteConversationsPayload(
            deleted_conversation_ids=[ids.encode("Conversation", each) for each in deleted]
        )
    return DeleteConversationsPayload(errors=failed.errors)


def named_conversations(global_ids: Sequence[str]) -> list[str]:
    """The conversations that IDs name, each once; raises InvalidInput for too many IDs."""
    if len(global_ids) > MAX_IDS:
        raise InvalidInput(f"At most {MAX_IDS} conversations at once.", ("conversationIds",))
    named = [ids.decode_as("Conversation", each) for each in dict.fromkeys(global_ids)]
    return [each for each in named if each]


def changed_conversation(info: Info, snapshot: Snapshot) -> Conversation:
    """A conversation in a payload, just after it was changed."""
    return Conversation.from_snapshot(snapshot, scope_with(info, snapshot))


def model_name(model_id: strawberry.ID | None) -> str | None:
    """The name of a model; None when no model is asked for."""
    global_id = given(model_id)
    return None if global_id is None else decode_required("Model", global_id, "modelId")


def given_or_default(value: T | None, *, default: T) -> T | None:
    """The value of a field, `default` for one that is null; None when it is absent."""
    return default if value is None else given(value)
