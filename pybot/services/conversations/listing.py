"""Pages of a viewer's conversations, by keyset cursors over the sorted set of the list.

A cursor is a score, so it stays valid while conversations are added, moved and removed.
"""

import asyncio
from typing import Any

from pybot.errors import InvalidInput
from pybot.services.conversations.snapshots import Snapshot, Snapshots
from pybot.services.records import Viewer
from pybot.services.store import keys
from pybot.services.store.client import Client
from pybot.services.values.pages import Edge, Page, PageRequest, decode_cursor, encode_cursor

# A conversation's ID, and its score in the sorted set: that of no other conversation.
Place = tuple[str, int]


class Listing:
    """Reads the list; the cost grows with the page, not with the list."""

    def __init__(self, client: Client, snapshots: Snapshots) -> None:
        self._client = client
        self._snapshots = snapshots

    async def page(self, viewer: Viewer, request: PageRequest) -> Page[Snapshot]:
        """A page of the viewer's conversations: pinned ones, then the newest update first."""
        key = keys.viewer_conversations(viewer.key)
        newest = _bound(request.after, "after", "+inf")
        oldest = _bound(request.before, "before", "-inf")
        places, total = await self._places(key, newest, oldest, request)
        if places:
            newest, oldest = f"({places[0][1]}", f"({places[-1][1]}"
            ends = (newest, "+inf"), ("-inf", oldest)
        else:
            # An empty page lies between its cursors.
            ends = (newest.lstrip("("), "+inf"), ("-inf", oldest.lstrip("("))
        snapshots, (newer, older) = await asyncio.gather(
            self._snapshots.open_each(viewer, [place[0] for place in places]),
            self._counts(key, ends),
        )
        return Page(
            edges=tuple(
                Edge(encode_cursor(place[1]), snapshot)
                for place, snapshot in zip(places, snapshots, strict=True)
                if snapshot is not None  # it was deleted meanwhile
            ),
            preceding=newer,
            following=older,
            total=total,
        )

    async def _places(
        self, key: str, newest: str, oldest: str, request: PageRequest
    ) -> tuple[list[Place], int]:
        """The places of a page, newest first, and how many there are in the whole list."""
        size = request.size
        async with self._client.pipeline(transaction=False) as pipeline:
            if request.backward:
                pipeline.zrangebyscore(key, oldest, newest, start=0, num=size, withscores=True)
            else:
                pipeline.zrevrangebyscore(key, newest, oldest, start=0, num=size, withscores=True)
            pipeline.zcard(key)
            found: Any
            found, total = await pipeline.execute()
        places = [(member.decode(), int(score)) for member, score in found]
        return places[::-1] if request.backward else places, total

    async def _counts(self, key: str, ranges: tuple[tuple[str, str], ...]) -> list[int]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for least, most in ranges:
                pipeline.zcount(key, least, most)
            return await pipeline.execute()


def _bound(cursor: str | None, argument: str, otherwise: str) -> str:
    """A cursor as the exclusive bound of a range of scores."""
    if cursor is None:
        return otherwise
    (score,) = decode_cursor(cursor, 1, argument)
    if not (score.isascii() and score.isdecimal() and len(score) <= 16):
        raise InvalidInput(f"`{argument}` is not a cursor of this list.", (argument,))
    return f"({score}"
