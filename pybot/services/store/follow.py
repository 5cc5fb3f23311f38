"""Reads a log: the entries after a cursor, and then those that come."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from pybot.errors import CursorExpired, Unavailable
from pybot.services.records.events import Entry, decode, joined
from pybot.services.store.client import Client
from pybot.services.store.hub import Hub, Raw
from pybot.services.values.instants import instant

PAGE = 500  # entries
# Readers do not notice an outage of Redis that is over sooner: they get the entries they missed.
OUTAGE = 20.0  # seconds
OUTAGE_PAUSE = 0.5  # seconds between two tries

T = TypeVar("T")


def raw_entry(item: tuple[bytes, dict[bytes, bytes]]) -> Raw:
    """An entry of a Redis stream as (number, time in ms, event as JSON)."""
    entry_id, fields = item
    return int(entry_id.partition(b"-")[0]), int(fields[b"t"]), fields[b"e"]


def entries(raws: list[Raw]) -> list[Entry]:
    """Entries decoded; deltas that continue each other become one, under the last one's number."""
    result: list[Entry] = []
    for number, milliseconds, data in raws:
        entry = Entry(number, instant(milliseconds), decode(data))
        if result and (merged := joined(result[-1].event, entry.event)) is not None:
            result[-1] = Entry(number, entry.occurred_at, merged)
        else:
            result.append(entry)
    return result


async def read(client: Client, log: str, after: int, until: int | None = None) -> list[Raw]:
    """The entries after `after` up to and with `until`, a page at most."""
    end = "+" if until is None else f"{until}-0"
    items: Any = await client.xrange(log, min=f"({after}-0", max=end, count=PAGE)
    return [raw_entry(item) for item in items]


async def first_entries(client: Client, log: str, count: int) -> list[Raw]:
    """The oldest entries that the log still has."""
    items: Any = await client.xrange(log, count=count)
    return [raw_entry(item) for item in items]


async def check_cursor(client: Client, head: str, log: str, after: int) -> None:
    """Raise CursorExpired unless the log has all entries after `after`.

    An entry `after` that is missing was trimmed or lost by Redis; then those after it may not
    continue what the reader has.
    """
    async with client.pipeline(transaction=True) as pipeline:
        pipeline.hget(head, "seq")
        pipeline.xrange(log, count=1)
        pipeline.xrange(log, min=f"{after}-0", max=f"{after}-0")
        newest, first, own = await pipeline.execute()
    newest = int(newest or 0)
    oldest = raw_entry(first[0])[0] if first else newest + 1
    if not own and after not in (newest, oldest - 1):
        raise CursorExpired(
            "The events after this cursor are no longer kept: query the snapshot again and "
            "subscribe from its eventCursor.",
            ("after",),
        )


async def follow(
    client: Client, hub: Hub, log: str, after: int, head: str
) -> AsyncGenerator[Entry]:
    """Every entry after `after`, in order, once: those that are there, then those that come.

    Raises CursorExpired when entries were trimmed before the reader came to them, or when Redis
    lost entries that the reader has.
    """
    position = after
    async with hub.reading(log) as inbox:
        while True:
            while raws := await retry_during_outage(
                partial(_continuing, client, head, log, position)
            ):
                for entry in entries(raws):
                    yield entry
                    position = entry.seq
            while raws := await inbox.take():
                fresh = [raw for raw in raws if raw[0] > position]
                if not fresh:
                    continue
                if fresh[0][0] != position + 1 or fresh[-1][0] - fresh[0][0] + 1 != len(fresh):
                    break  # a gap: the log has what is missing
                for entry in entries(fresh):
                    yield entry
                    position = entry.seq


async def _continuing(client: Client, head: str, log: str, position: int) -> list[Raw]:
    """The entries after a reader's position, a page at most; the position must be in the log."""
    raws = await read(client, log, max(position - 1, 0))
    if raws and raws[0][0] == position:
        return raws[1:]
    await check_cursor(client, head, log, position)
    return raws


async def retry_during_outage(operation: Callable[[], Awaitable[T]]) -> T:
    """Repeat `operation` while Redis is out of reach; raises Unavailable after OUTAGE seconds."""
    end = time.monotonic() + OUTAGE
    while True:
        try:
            return await operation()
        except Unavailable:
            if time.monotonic() > end:
                raise
        await asyncio.sleep(OUTAGE_PAUSE)
