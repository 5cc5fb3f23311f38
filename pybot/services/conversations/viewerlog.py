"""The log of a viewer: the events that a list of conversations needs. Also updates the list."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

from msgspec import Struct

from pybot.services.records import Viewer, conversation_of
from pybot.services.records.events import (
    ConversationChanged,
    ConversationDeleted,
    RunChanged,
    ViewerEvent,
)
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client
from pybot.services.store.follow import check_cursor, follow
from pybot.services.store.hub import Hub
from pybot.services.store.write import Write
from pybot.services.values.instants import milliseconds


class ViewerEntry(Struct, frozen=True):
    """An event at its place in a viewer's log."""

    seq: int
    occurred_at: datetime
    conversation_id: str
    event: ViewerEvent


def conversation_id_of(event: ViewerEvent) -> str:
    """The conversation that an event of a viewer's log is about."""
    match event:
        case ConversationChanged():
            return event.conversation.id
        case ConversationDeleted():
            return event.conversation_id
        case RunChanged():
            return conversation_of(event.run.id)


class ViewerLog:
    """Writing and reading of viewers' logs."""

    def __init__(self, client: Client, hub: Hub, appender: Appender) -> None:
        self._client = client
        self._hub = hub
        self._appender = appender

    async def cursor(self, viewer: Viewer) -> int:
        """The number of the newest event."""
        return int(await self._client.hget(keys.viewer(viewer.key), "seq") or 0)

    async def lists(self, viewer: Viewer, conversation_id: str) -> bool:
        """Whether a conversation is in the viewer's list."""
        key = keys.viewer_conversations(viewer.key)
        return await self._client.zscore(key, conversation_id) is not None

    async def append(self, viewer: Viewer, *events: ViewerEvent) -> None:
        """Append events, and bring the list of conversations up to date with them."""
        key = viewer.key
        # Also when Redis is full: the events say what has happened already.
        write = Write.to_viewer(key).even_when_full().emit(*events)
        for event in events:
            listed, running = keys.viewer_conversations(key), keys.viewer_runs(key)
            waiting = keys.viewer_waiting(key)
            match event:
                case ConversationChanged(conversation=conversation):
                    updated = milliseconds(conversation.updated_at)
                    write.rank(listed, conversation.id, updated, is_upper=conversation.pinned)
                case ConversationDeleted(conversation_id=conversation_id):
                    write.do("ZREM", listed, conversation_id)
                case RunChanged(run=run) if run.status.ended:
                    write.do("ZREM", running, run.id).do("ZREM", waiting, run.id)
                case RunChanged(run=run) if run.is_suspended:
                    score = milliseconds(run.created_at)
                    write.do("ZREM", running, run.id).do("ZADD", waiting, score, run.id)
                case RunChanged(run=run):
                    score = milliseconds(run.created_at)
                    write.do("ZADD", running, score, run.id).do("ZREM", waiting, run.id)
        await self._appender.append(write)

    async def follow(self, viewer: Viewer, after: int | None) -> AsyncGenerator[ViewerEntry]:
        """Events of the viewer's log after `after` (from now on when None).

        Raises CursorExpired.
        """
        head, log = keys.viewer(viewer.key), keys.viewer_log(viewer.key)
        if after is None:
            after = await self.cursor(viewer)
        await check_cursor(self._client, head, log, after)
        async with aclosing(follow(self._client, self._hub, log, after, head)) as followed:
            async for entry in followed:
                event = entry.event
                if isinstance(event, ViewerEvent):
                    yield ViewerEntry(
                        entry.seq, entry.occurred_at, conversation_id_of(event), event
                    )
