"""Pages of a viewer's conversations, by keyset cursors over the sorted set of the list."""

from typing import Any

from pybot.errors import NotFound
from pybot.services.models import conversation_from
from pybot.services.pages import Edge, Page, PageRequest, decode_cursor, encode_cursor
from pybot.services.records import Conversation, Viewer
from pybot.services.store import keys
from pybot.services.store.connection import Client

# Read beside what a page needs, since several conversations can share a millisecond.
TIES = 16

# When a conversation was updated, in ms, and its ID: pages are ordered by both, newest first.
Place = tuple[int, str]


class Listing:
    """Reads the list; whatever its length, the cost is the page's."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def page(self, viewer: Viewer, request: PageRequest) -> Page[Conversation]:
        """A page of the viewer's conversations, the newest update first."""
        key = keys.viewer_conversations(viewer.key)
        after = _place(request.after, "after")
        before = _place(request.before, "before")
        places, more = await self._places(key, request, after, before)
        total = await self._client.zcard(key)
        conversations = await self._read(viewer, places)
        return Page(
            edges=tuple(Edge(encode_cursor(*place), found) for place, found in conversations),
            has_next=before is not None if request.backward else more,
            has_previous=more if request.backward else after is not None,
            total=total,
        )

    async def _places(
        self, key: str, request: PageRequest, after: Place | None, before: Place | None
    ) -> tuple[list[Place], bool]:
        """The places of a page, newest first, and whether there are more behind its far end."""
        newest: int | str = "+inf" if after is None else after[0]
        oldest: int | str = "-inf" if before is None else before[0]
        wanted, count = request.size + 1, request.size + 1 + TIES
        while True:
            places = await self._read_places(key, oldest, newest, count, request.backward)
            inside = [
                place
                for place in places
                if (after is None or place < after) and (before is None or place > before)
            ]
            if len(inside) >= wanted or len(places) < count:
                break
            count *= 2
        page = inside[: request.size]
        return page[::-1] if request.backward else page, len(inside) > request.size

    async def _read_places(
        self, key: str, oldest: int | str, newest: int | str, count: int, backward: bool
    ) -> list[Place]:
        found: Any
        if backward:
            found = await self._client.zrangebyscore(
                key, oldest, newest, start=0, num=count, withscores=True
            )
        else:
            found = await self._client.zrevrangebyscore(
                key, newest, oldest, start=0, num=count, withscores=True
            )
        return [(int(score), member.decode()) for member, score in found]

    async def _read(self, viewer: Viewer, places: list[Place]) -> list[tuple[Place, Conversation]]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for _, conversation_id in places:
                pipeline.hgetall(keys.conversation(conversation_id))
            found = await pipeline.execute() if places else []
        conversations: list[tuple[Place, Conversation]] = []
        for place, fields in zip(places, found, strict=True):
            try:
                record = conversation_from(fields, viewer.username).record()
            except NotFound:
                continue  # its creation or deletion was broken off
            conversations.append((place, record))
        return conversations


def _place(cursor: str | None, argument: str) -> Place | None:
    if cursor is None:
        return None
    updated, conversation_id = decode_cursor(cursor, 2, argument)
    return (int(updated), conversation_id) if updated.isdigit() else (0, "")
