"""The subscriptions: to one conversation, and to all of the viewer's."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry
from strawberry import UNSET

from pybot.context import Info
from pybot.errors import NotFound
from pybot.schema import cursors, ids
from pybot.schema.entry import conversation_event, viewer_event
from pybot.schema.event import ConversationEvent, ViewerEvent
from pybot.schema.fields import given

After = Annotated[
    str | None,
    strawberry.argument(description="Resume behind this cursor; from now on when absent."),
]


async def conversation_events(
    info: Info,
    conversation_id: Annotated[strawberry.ID, strawberry.argument(description="The conversation.")],
    after: After = UNSET,
) -> AsyncGenerator[ConversationEvent]:
    """Follow a conversation. Raises NotFound, CursorExpired, InvalidInput."""
    service_id = ids.decode_as("Conversation", conversation_id)
    if service_id is None:
        raise NotFound("There is no conversation with this ID.", ("conversationId",))
    seq = _resume_from(cursors.log_of(service_id), after, info)
    entries = info.context.services.eventlog.follow(info.context.viewer, service_id, seq)
    async with aclosing(entries):
        async for entry in entries:
            yield conversation_event(entry, service_id, info)


async def viewer_events(info: Info, after: After = UNSET) -> AsyncGenerator[ViewerEvent]:
    """Follow all of the viewer's conversations. Raises CursorExpired, InvalidInput."""
    seq = _resume_from(cursors.VIEWER, after, info)
    entries = info.context.services.viewerlog.follow(info.context.viewer, seq)
    async with aclosing(entries):
        async for entry in entries:
            yield viewer_event(entry, info)


def _resume_from(log: str, after: str | None, info: Info) -> int | None:
    """The place in the log to resume behind; None for now.

    A browser sends the same request again, and the cursor of the last event beside it: the later
    of the two cursors counts.
    """
    given_cursors = (given(after), info.context.last_event_id)
    places = [cursors.decode(log, cursor) for cursor in given_cursors if cursor is not None]
    return max(places, default=None)
