"""Following what happens."""

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
    seq = _seq(cursors.log_of(service_id), given(after))
    entries = info.context.services.eventlog.follow(info.context.viewer, service_id, seq)
    async with aclosing(entries):
        async for entry in entries:
            yield conversation_event(entry, service_id, info)


async def viewer_events(info: Info, after: After = UNSET) -> AsyncGenerator[ViewerEvent]:
    """Follow all of the viewer's conversations. Raises CursorExpired, InvalidInput."""
    seq = _seq(cursors.VIEWER, given(after))
    entries = info.context.services.viewerlog.follow(info.context.viewer, seq)
    async with aclosing(entries):
        async for entry in entries:
            yield viewer_event(entry, info)


def _seq(log: str, cursor: str | None) -> int | None:
    return None if cursor is None else cursors.decode(log, cursor)
