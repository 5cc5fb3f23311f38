"""From version 1: paths that were copied become branches that hold what comes after a fork.

In version 1 each regenerated answer had a copy of the whole path before it; a message's record
held the user's text, and which path it was written on; lists were ordered by milliseconds.
"""

import json
import re
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from pybot.services.store import keys
from pybot.services.store.blobs import STORED
from pybot.services.store.client import Client
from pybot.services.store.write import UPPER

Record = dict[str, Any]
SCAN_COUNT = 1000  # keys that Redis looks at for one SCAN
# The keys of docket, the queue of version 1. Nothing else of Pybot's has these names: its own
# "pybot:queue" is of version 2, where a run of docket's would be a task under another name.
_DOCKET = re.compile(
    "pybot:("
    "queue|results|stream|strikes|workers|perpetual:lock|"
    "(cancel|known|leases|progress|results|runs|state|stream-id|task-workers|worker-tasks):.*"
    ")"
)


async def upgrade(client: Client) -> AsyncGenerator[str]:
    """Bring everything over; gives the ID of each conversation once it is done."""
    async for key in matching(client, keys.conversation("*")):
        conversation_id = key.partition("{")[2].rstrip("}")
        head = await client.hgetall(key)
        if b"path" in head:
            await _Conversation(client, conversation_id, head).upgrade()
            yield conversation_id
    async for key in matching(client, keys.viewer_conversations("*")):
        await _bring_list_over(client, key)
    async for key in matching(client, keys.viewer_log("*")):
        await client.unlink(key)
    await _remove_docket(client)


class _Conversation:
    """One conversation of version 1."""

    def __init__(self, client: Client, conversation_id: str, head: Any) -> None:
        self._client = client
        self._id = conversation_id
        self._head = head
        self._records: dict[str, Record] = {}
        self._messages: dict[str, Record] = {}

    async def upgrade(self) -> None:
        """All of it in one transaction, so that it is of one version at any time."""
        stored: Any = await self._client.hgetall(keys.messages(self._id))
        self._records = {name.decode(): json.loads(data) for name, data in stored.items()}
        active, count = self._head[b"path"].decode(), int(self._head[b"paths"])
        length = 0
        async with self._client.pipeline(transaction=True) as pipeline:
            for path in map(str, range(count)):
                order, offsets, entries = await self._path(path)
                if path == active:
                    length = len(order)
                self._add_branch(pipeline, path, order, offsets, entries)
            for message_id, record in self._messages.items():
                pipeline.hset(keys.messages(self._id), message_id, json.dumps(record))
            self._add_versions(pipeline)
            head = keys.conversation(self._id)
            fields: Any = {"branch": active, "branches": count, "length": length, "version": 0}
            fields[STORED] = await self._stored_bytes()
            pipeline.hset(head, mapping=fields)
            pipeline.hdel(head, "path", "paths")
            if not self._head.get(b"active_run"):
                # Its events are of version 1; who follows it asks for a snapshot.
                pipeline.unlink(keys.log(self._id))
            await pipeline.execute()

    async def _stored_bytes(self) -> int:
        """How many bytes its blobs have."""
        digests: Any = await self._client.smembers(keys.blobs(self._id))
        async with self._client.pipeline(transaction=False) as pipeline:
            for digest in digests:
                pipeline.hstrlen(keys.blob(self._id, digest.decode()), "data")
            return sum(await pipeline.execute())

    async def _path(self, path: str) -> tuple[list[str], dict[str, int], int]:
        """The messages of a path in order, the offsets of their entries, and how many these are."""
        placed: Any = await self._client.zrange(keys.index(self._id, path), 0, -1, withscores=True)
        offsets = {member.decode(): int(score) for member, score in placed}
        entries = await self._client.llen(keys.history(self._id, path))
        return self._ordered(list(offsets)), offsets, entries

    def _ordered(self, message_ids: Sequence[str]) -> list[str]:
        """Messages by their parents: those without entries had the place of the next one."""
        after = {self._records[each].get("parent_id"): each for each in message_ids}
        order: list[str] = []
        parent: str | None = None
        while (following := after.get(parent)) is not None:
            order.append(following)
            parent = following
        return order

    def _add_branch(
        self, pipeline: Any, path: str, order: list[str], offsets: dict[str, int], entries: int
    ) -> None:
        """Make a branch of what was written on a path."""
        fork = next(
            (at for at, each in enumerate(order) if self._records[each].get("path", "0") == path),
            len(order),
        )
        own = order[fork:]
        first = offsets[own[0]] if own else entries
        history, index = keys.history(self._id, path), keys.index(self._id, path)
        if entries > first:
            pipeline.ltrim(history, 0, entries - first - 1)
        else:
            pipeline.unlink(history)
        pipeline.unlink(index)
        if own:
            pipeline.zadd(index, {each: at for at, each in enumerate(own, fork)})
        if fork:
            parent = self._records[order[fork - 1]].get("path", "0")
            branch = json.dumps({"parent": parent, "fork": fork})
            pipeline.hset(keys.branches(self._id), path, branch)
        for position, message_id in enumerate(own, fork):
            record = dict(self._records[message_id])
            record.pop("text", None)
            record.pop("path", None)
            offset = offsets[message_id] - first
            record |= {"branch": path, "position": position, "offset": offset}
            self._messages[message_id] = record

    def _add_versions(self, pipeline: Any) -> None:
        """Put the messages that follow one parent in the order in which they were begun."""
        ordered = sorted(self._messages, key=lambda each: int(self._messages[each]["branch"]))
        for at, message_id in enumerate(ordered):
            parent = self._messages[message_id].get("parent_id") or ""
            pipeline.zadd(keys.versions(self._id, parent), {message_id: at})


async def _bring_list_over(client: Client, key: str) -> None:
    """Order a list by microseconds, no two the same, without what is not there any more."""
    listed: Any = await client.zrange(key, 0, -1, withscores=True)
    latest, bytes_stored = 0, 0
    async with client.pipeline(transaction=True) as pipeline:
        for score, member in sorted((score % UPPER, member) for member, score in listed):
            head = keys.conversation(member.decode())
            state: Any = await client.hmget(head, ["deleted_at", STORED, "pinned"])
            bytes_stored += int(state[1] or 0)
            if state[0] != b"0":
                pipeline.zrem(key, member)
                continue
            # One that was upgraded before this broke off has its place already.
            wanted = int(score) if score > 1e14 else int(score) * 1000
            latest = max(wanted, latest + 1)
            pipeline.zadd(key, {member: latest + (UPPER if state[2] == b"1" else 0)})
        pipeline.hset(key.removesuffix(":conversations"), STORED, bytes_stored)
        await pipeline.execute()


async def _remove_docket(client: Client) -> None:
    """Remove the queue of version 1; repair puts unfinished runs on the present one."""
    async for key in matching(client, "pybot:*"):
        if _DOCKET.fullmatch(key):
            await client.unlink(key)


async def matching(client: Client, pattern: str) -> AsyncGenerator[str]:
    """The keys that match."""
    position = 0
    while True:
        found: Any = await client.scan(position, match=pattern, count=SCAN_COUNT)
        position, page = found
        for key in page:
            yield key.decode()
        if not position:
            return
