"""The log of a conversation: written through the appender, read by any number of followers."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta

from pybot.errors import NotFound
from pybot.services.conversations.gate import Gate
from pybot.services.records import Viewer
from pybot.services.records.events import ConversationDeleted, Entry, Event
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client
from pybot.services.store.follow import check_cursor, entries, first_entries, follow, read
from pybot.services.store.hub import Hub
from pybot.services.store.write import Write
from pybot.services.values.instants import milliseconds, now

TRIM_PAGE = 200  # entries that are read at a time


class EventLog:
    """Reading and trimming of conversations' logs, and writing of events that change no record."""

    def __init__(
        self, client: Client, gate: Gate, hub: Hub, appender: Appender, *, retention: int
    ) -> None:
        self._client = client
        self._gate = gate
        self._hub = hub
        self._appender = appender
        self._retention = timedelta(seconds=retention)

    async def follow(
        self, viewer: Viewer, conversation_id: str, after: int | None
    ) -> AsyncGenerator[Entry]:
        """Events of the conversation after `after` (from now on when None).

        Ends after ConversationDeleted. Raises NotFound, CursorExpired, InvalidInput.
        """
        head, log = keys.conversation(conversation_id), keys.log(conversation_id)
        try:
            newest = (await self._gate.open(viewer, conversation_id)).cursor
        except NotFound:
            # With a cursor a deleted conversation can be followed to its end.
            if after is None or not await self._gate.is_deleted(viewer, conversation_id):
                raise
            newest = after
        if after is None:
            after = newest
        await check_cursor(self._client, head, log, after)
        async with aclosing(follow(self._client, self._hub, log, after, head)) as followed:
            async for entry in followed:
                yield entry
                if isinstance(entry.event, ConversationDeleted):
                    return

    async def emit(self, conversation_id: str, *events: Event) -> int:
        """Append events alone; the number of the last one."""
        return await self._appender.append(Write.to_conversation(conversation_id).emit(*events))

    async def between(self, conversation_id: str, after: int, until: int | None) -> list[Entry]:
        """The entries after `after` up to and with `until` (the newest when None)."""
        result: list[Entry] = []
        while page := await read(self._client, keys.log(conversation_id), after, until):
            result += entries(page)
            after = page[-1][0]
        return result

    async def trim(self, conversation_id: str, keep_from: int) -> None:
        """Remove entries older than the retention, but none from the number `keep_from` on."""
        oldest_kept = milliseconds(now() - self._retention)
        log = keys.log(conversation_id)
        while page := await first_entries(self._client, log, TRIM_PAGE):
            first_left = next(
                (number for number, at, _ in page if number >= keep_from or at >= oldest_kept),
                None,
            )
            last = page[-1][0]
            await self._client.xtrim(log, minid=f"{first_left or last + 1}-0", approximate=False)
            if first_left is not None:
                return
