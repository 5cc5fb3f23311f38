"""The log of a viewer: the events that a list of conversations needs. Also updates the list."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from pybot.services.records import Run, RunUsage, TokenUsage, Viewer, conversation_of
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
from pybot.services.values.instants import first_millisecond, milliseconds

# How many ended runs of a viewer are known by what they used; each takes some 200 bytes.
MAX_USAGE = 20_000


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


_usage = msgspec.json.Decoder(RunUsage)


def _add_usage(write: Write, key: str, run: Run) -> None:
    """Note what an ended run used; noting it again changes nothing."""
    if run.completed_at is not None and run.model:
        used = RunUsage(run_id=run.id, model=run.model, tokens=run.usage or TokenUsage())
        write.do("ZADD", key, milliseconds(run.completed_at), msgspec.json.encode(used))
        write.do("ZREMRANGEBYRANK", key, 0, -MAX_USAGE - 1)


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
                    write.do("ZREM", keys.viewer_kernels(key), conversation_id)
                case RunChanged(run=run) if run.status.ended:
                    write.do("ZREM", running, run.id).do("ZREM", waiting, run.id)
                    _add_usage(write, keys.viewer_usage(key), run)
                case RunChanged(run=run) if run.is_suspended:
                    score = milliseconds(run.created_at)
                    write.do("ZREM", running, run.id).do("ZADD", waiting, score, run.id)
                case RunChanged(run=run):
                    score = milliseconds(run.created_at)
                    write.do("ZADD", running, score, run.id).do("ZREM", waiting, run.id)
        await self._appender.append(write)

    async def usage(self, viewer: Viewer, since: datetime | None) -> list[RunUsage]:
        """What the viewer's runs used that ended at or after `since`; of all when None.

        The newest MAX_USAGE are known.
        """
        least = "-inf" if since is None else first_millisecond(since)
        key = keys.viewer_usage(viewer.key)
        found: Any = await self._client.zrangebyscore(key, least, "+inf")
        return [_usage.decode(each) for each in found]

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
