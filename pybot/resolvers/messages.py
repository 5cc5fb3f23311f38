"""Sending messages, writing them again, and cancelling runs."""

from typing import Annotated

import strawberry

from pybot.context import Info
from pybot.resolvers.conversations import changed_conversation, model_name
from pybot.resolvers.payload_errors import PayloadErrors, decode_required
from pybot.schema import cursors
from pybot.schema.fields import given
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
from pybot.schema.scope import Scope, scope_with
from pybot.services.runs.starter import NewConversation, StartedRun
from pybot.services.values.once import Once

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
    with PayloadErrors(IN_TARGET) as failed:
        sent = await info.context.services.runs.send(
            info.context.viewer,
            text=input.text,
            conversation_id=_conversation_id(input.target),
            new=_new_conversation(input.target),
            idempotency_key=given(input.idempotency_key),
        )
        conversation = changed_conversation(info, sent.snapshot)
        return SendMessagePayload(
            message=_message(sent, conversation.scope),
            run=Run.from_record(sent.run, conversation.scope),
            conversation=conversation,
            event_cursor=_cursor(sent),
        )
    return SendMessagePayload(errors=failed.errors)


async def regenerate_message(
    info: Info,
    input: Annotated[
        RegenerateMessageInput, strawberry.argument(description="What to write again.")
    ],
) -> RegenerateMessagePayload:
    """Start a run that writes an answer again, as another version of it."""
    with PayloadErrors({"conversationId": ("messageId",)}, named="messageId") as failed:
        sent = await info.context.services.runs.regenerate(
            info.context.viewer,
            decode_required("Message", input.message_id, "messageId"),
            idempotency_key=given(input.idempotency_key),
        )
        conversation = changed_conversation(info, sent.snapshot)
        return RegenerateMessagePayload(
            message=_message(sent, conversation.scope),
            run=Run.from_record(sent.run, conversation.scope),
            conversation=conversation,
            event_cursor=_cursor(sent),
        )
    return RegenerateMessagePayload(errors=failed.errors)


async def cancel_run(
    info: Info,
    input: Annotated[CancelRunInput, strawberry.argument(description="Which run.")],
) -> CancelRunPayload:
    """Cancel a run; one that has ended stays as it is."""
    with PayloadErrors({"conversationId": ("runId",)}, named="runId") as failed:
        snapshot, record = await info.context.services.runs.cancel(
            info.context.viewer, decode_required("Run", input.run_id, "runId")
        )
        return CancelRunPayload(run=Run.from_record(record, scope_with(info, snapshot)))
    return CancelRunPayload(errors=failed.errors)


def _message(sent: StartedRun, scope: Scope) -> Message:
    """The message that was added; its parts are read when they are asked for."""
    message = sent.message
    return Message.from_record(message, scope, Once(lambda: scope.message(message.id)))


def _cursor(sent: StartedRun) -> str:
    """The cursor just before the first event of what was started."""
    return cursors.encode(cursors.log_of(sent.snapshot.conversation.id), sent.cursor)


def _conversation_id(target: MessageTarget) -> str | None:
    global_id = given(target.conversation_id)
    return (
        None if global_id is None else decode_required("Conversation", global_id, "conversationId")
    )


def _new_conversation(target: MessageTarget) -> NewConversation | None:
    new = given(target.new_conversation)
    if new is None:
        return None
    return NewConversation(
        title=given(new.title),
        model=model_name(new.model_id),
        instructions=given(new.instructions) or "",
    )
