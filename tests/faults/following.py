"""Clients of a run: one that is never cut, one that is cut again and again."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator
from typing import Any

from tests.client import Api, GraphQLErrors, ended, run_of
from tests.faults.view import FULL_EVENTS, View, shown_of, view_of

Events = list[dict[str, Any]]


async def follow(ann: Api, sent: Any, cuts: random.Random | None = None) -> Events:
    """The events of a run to its end; with `cuts`, over many sockets, each cut off."""
    events: Events = []
    cursor = sent["eventCursor"]
    while not events or not ended(events[-1]):
        try:
            async for event in stretch(ann, sent, cursor, cuts):
                events.append(event)
                cursor = event["cursor"]
        except GraphQLErrors as refused:
            # Subscribing during an outage is refused with the reason: try again.
            if cuts is None or refused.code != "UNAVAILABLE":
                raise
            await asyncio.sleep(0.2)
    return events


async def stretch(
    ann: Api, sent: Any, cursor: str, cuts: random.Random | None
) -> AsyncGenerator[dict[str, Any]]:
    """The events that come over one socket."""
    async with ann.socket() as socket:
        stream = socket.subscribe(FULL_EVENTS, id=sent["conversation"]["id"], after=cursor)
        left = cuts.randint(1, 40) if cuts else -1
        async with contextlib.aclosing(stream):
            async for data in stream:
                event = data["conversationEvents"]
                yield event
                left -= 1
                if left == 0:
                    socket.connection.transport.abort()  # as a network does it: no close frame
                if left == 0 or ended(event):
                    return


async def reached(ann: Api, sent: Any, name: str, count: int = 1, **fields: Any) -> dict[str, Any]:
    """Wait for the nth event of a type that has these values in its record."""
    stream = ann.events(sent["conversation"]["id"], sent["eventCursor"])
    async with asyncio.timeout(60), contextlib.aclosing(stream):
        async for event in stream:
            if event["__typename"] == name:
                record = event.get("cell") or event.get("run") or event.get("kernel") or event
                if all(record.get(key) == value for key, value in fields.items()):
                    count -= 1
                    if count <= 0:
                        return event
    raise AssertionError("the stream ended")


async def text_reached(ann: Api, sent: Any, length: int) -> None:
    """Wait until the answer's text is that long."""
    view = View(sent["run"]["message"]["id"])
    stream = ann.events(sent["conversation"]["id"], sent["eventCursor"])
    async with asyncio.timeout(60), contextlib.aclosing(stream):
        async for event in stream:
            if event["__typename"] == "TextDeltaEvent":
                view.apply(event)
                if sum(len(part["text"]) for part in view.parts.values()) >= length:
                    return


class Followers:
    """Two clients that follow one run; `agreed` gives what both of them have at the end."""

    def __init__(self, ann: Api, sent: Any) -> None:
        self._ann, self._sent = ann, sent
        cuts = random.Random(random.randrange(2**32))
        self._whole = asyncio.create_task(follow(ann, sent))
        self._cut = asyncio.create_task(follow(ann, sent, cuts))

    @property
    def have_ended(self) -> bool:
        """Whether the one that is never cut has seen the end."""
        return self._whole.done()

    async def agreed(self, timeout: float) -> dict[str, Any]:
        """The run and the parts of its answer, the same for everyone."""
        try:
            async with asyncio.timeout(timeout):
                whole, cut = await asyncio.gather(self._whole, self._cut)
        finally:
            self._whole.cancel()
            self._cut.cancel()
        message_id = self._sent["run"]["message"]["id"]
        snapshot = await self._ann.snapshot(self._sent["conversation"]["id"])
        (answer,) = (node for node in snapshot["messages"]["nodes"] if node["id"] == message_id)
        stored = shown_of(answer)
        assert view_of(message_id, whole) == stored
        assert view_of(message_id, cut) == stored
        assert snapshot["activeRun"] is None
        asked = [node["id"] for node in snapshot["messages"]["nodes"] if node["role"] == "USER"]
        assert self._sent["message"]["id"] in asked
        return {"run": run_of(whole), "parts": stored, "events": whole}
