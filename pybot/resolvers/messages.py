"""Sending messages, writing them again, and cancelling runs."""

from typing import Annotated

import strawberry

from pybot.context import Info
from pybot.resolvers.conversations import changed, model_name
from pybot.resolvers.refusals import Refusals, required
from pybot.schema import cursors
from pybot.schema.fields import Once, given
from pybot.schema.message import Message
from pybot.schema.message_change import (
    CancelRunInput,
    CancelRunPayload,
    MessageTarget,
    RegenerateMessageInput,
    RegenerateMessagePayload,
    SendMessageInput,
    SendMessagePayload,
)
from pybot.schema.run import Run
from pybot.schema.scope import forget_scopes, scope_below
from pybot.services import records
from pybot.services.starts import NewConversation

IN_TARGET = {
    "conversationId": ("target", "conversationId"),
    "title": ("target", "newConversation", "title"),
    "modelId": ("target", "newConversation", "modelId"),
    "instructions": ("target", "newConversation", "instructions"),
}


async def send_message(
    info: Info,
    input: Annotated[SendMessageInput, strawberry.argument(description="What to send and where.")],
) -> SendMessagePayload:
    """Send to the target, and start the run that answers."""
    with Refusals(IN_TARGET) as refusals:
        sent = await info.context.services.runs.send(
            info.context.viewer,
            text=input.text,
            conversation_id=_conversation_id(input.target),
            new=_new_conversation(info, input.target),
            idempotency_key=given(input.idempotency_key),
        )
        conversation = await changed(info, sent.conversation)
        scope, message = conversation.scope, sent.message
        return SendMessagePayload(
            message=Message.from_record(message, scope, Once(lambda: scope.message(message.id))),
            run=await _run(info, sent.run),
            conversation=conversation,
            event_cursor=cursors.encode("conversation", sent.cursor),
        )
    return SendMessagePayload(errors=refusals.errors)


async def regenerate_message(
    info: Info,
    input: Annotated[
        RegenerateMessageInput, strawberry.argument(description="What to write again.")
    ],
) -> RegenerateMessagePayload:
    """Start a run that writes the newest answer again."""
    with Refusals({"conversationId": ("messageId",)}, named="messageId") as refusals:
        sent = await info.context.services.runs.regenerate(
            info.context.viewer,
            required("Message", input.message_id, "messageId"),
            idempotency_key=given(input.idempotency_key),
        )
        forget_scopes(info)
        return RegenerateMessagePayload(
            run=await _run(info, sent.run),
            event_cursor=cursors.encode("conversation", sent.cursor),
        )
    return RegenerateMessagePayload(errors=refusals.errors)


async def cancel_run(
    info: Info,
    input: Annotated[CancelRunInput, strawberry.argument(description="Which run.")],
) -> CancelRunPayload:
    """Cancel a run; one that has ended stays as it is."""
    with Refusals({"conversationId": ("runId",)}, named="runId") as refusals:
        record = await info.context.services.runs.cancel(
            info.context.viewer, required("Run", input.run_id, "runId")
        )
        forget_scopes(info)
        return CancelRunPayload(run=await _run(info, record))
    return CancelRunPayload(errors=refusals.errors)


async def _run(info: Info, record: records.Run) -> Run:
    """A run in a payload; as the snapshot has it, where one was read."""
    scope = await scope_below(info, record.id, payload=True)
    if scope.snapshot.value:
        record = await scope.run(record.id)
    return Run.from_record(record, scope)


def _conversation_id(target: MessageTarget) -> str | None:
    global_id = given(target.conversation_id)
    return None if global_id is None else required("Conversation", global_id, "conversationId")


def _new_conversation(info: Info, target: MessageTarget) -> NewConversation | None:
    new = given(target.new_conversation)
    if new is None:
        return None
    return NewConversation(
        title=given(new.title),
        model=model_name(info, new.model_id),
        instructions=given(new.instructions) or "",
    )
