"""What is done for a conversation outside of its own keys: its place in the list, and its end.

A deletion first leaves a tombstone, which refuses every later write, and then removes everything.
Conversations that are being created or deleted are noted, so that repair can finish what broke off.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import msgspec

from pybot.errors import NotFound, Unavailable
from pybot.services.conversations.gate import Gate
from pybot.services.conversations.viewerlog import ViewerLog
from pybot.services.records import Message, Viewer
from pybot.services.records.events import ConversationChanged, ConversationDeleted
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.blobs import release_storage
from pybot.services.store.connection import Client
from pybot.services.store.script import Script
from pybot.services.store.write import Write
from pybot.services.values.instants import milliseconds, now

logger = logging.getLogger(__name__)

# Younger ones are still being worked on by whoever noted them.
REPAIR_AGE = 2_000  # ms
REPAIR_INTERVAL = 3.0  # seconds
# A request with the same idempotency key finds that its conversation was deleted, at least so long.
TOMBSTONE_SECONDS = 24 * 60 * 60

# Also when Redis is full: a deletion makes room.
NOTE = "#!lua flags=allow-oom\nreturn redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])"

# Removes something of a deleted conversation.
Removal = Callable[[str], Coroutine[Any, Any, None]]


class Sweep:
    """Buries and removes conversations, and finishes what broke off."""

    def __init__(
        self,
        client: Client,
        gate: Gate,
        appender: Appender,
        viewerlog: ViewerLog,
        *,
        retention: int,
    ) -> None:
        self._client = client
        self._gate = gate
        self._appender = appender
        self._viewerlog = viewerlog
        self._note = Script(client, NOTE)
        self._tombstone = max(retention, TOMBSTONE_SECONDS)
        # What else ends with a conversation: its kernel, its folder.
        self.on_delete: list[Removal] = []

    async def note(self, conversation_id: str) -> None:
        """Let repair look at a conversation, should this process end before `forget`."""
        await self._note([keys.UNFINISHED_CONVERSATIONS], [milliseconds(now()), conversation_id])

    async def forget(self, conversation_id: str) -> None:
        """Say that nothing is left to do."""
        await self._client.zrem(keys.UNFINISHED_CONVERSATIONS, conversation_id)

    async def bury(self, conversation_id: str) -> None:
        """Leave a tombstone; raises Refused where there is one, or no conversation."""
        await self.note(conversation_id)
        write = Write.to_conversation(conversation_id).even_when_full()
        fields = ("deleted_at", milliseconds(now()), "title", "", "instructions", "")
        write.do("HSET", write.head, *fields).do("EXPIRE", write.head, self._tombstone)
        await self._appender.append(write.emit(ConversationDeleted(conversation_id)))

    async def finish(self, conversation_id: str) -> None:
        """Remove what a buried conversation leaves; what fails is done again by repair."""
        owner = await self._gate.buried_owner(conversation_id)
        if owner is None:
            await self.forget(conversation_id)
            return
        is_done = True
        steps: list[Removal] = [
            partial(self._unlist, owner),
            *self.on_delete,
            self._remove,
            partial(release_storage, self._client, owner),
        ]
        for step in steps:
            try:
                await step(conversation_id)
            except Unavailable as error:
                logger.warning("conversation=%s is not removed yet: %s", conversation_id, error)
                is_done = False
            except Exception:
                logger.exception("conversation=%s is not removed yet", conversation_id)
                is_done = False
        if is_done:
            await self.forget(conversation_id)

    async def keep_repairing(self) -> None:
        """Repair now and then, until cancelled."""
        while True:
            try:
                await self.repair()
            except Unavailable as error:
                logger.warning("repair of conversations is interrupted: %s", error)
            await asyncio.sleep(REPAIR_INTERVAL)

    async def repair(self) -> None:
        """Finish what was noted some time ago and broke off."""
        latest = milliseconds(now()) - REPAIR_AGE
        found: Any = await self._client.zrangebyscore(keys.UNFINISHED_CONVERSATIONS, "-inf", latest)
        for conversation_id in map(bytes.decode, found):
            owner = await self._gate.owner(conversation_id)
            if owner is None:
                await self.finish(conversation_id)
            else:
                await self._list(owner, conversation_id)

    async def _list(self, owner: Viewer, conversation_id: str) -> None:
        """Put a conversation in its owner's list whose creation broke off."""
        try:
            opened = await self._gate.open(owner, conversation_id)
        except NotFound:
            return  # deleted meanwhile: the next repair removes it
        event = ConversationChanged(
            opened.conversation, opened.run, opened.kernel, cursor=opened.cursor
        )
        await self._viewerlog.append(owner, event)
        await self.forget(conversation_id)

    async def _unlist(self, owner: Viewer, conversation_id: str) -> None:
        await self._viewerlog.append(owner, ConversationDeleted(conversation_id))

    async def _remove(self, conversation_id: str) -> None:
        """Remove everything but the log and the tombstone, which go when their time is over."""
        head = keys.conversation(conversation_id)
        branches: Any
        stored: Any
        digests: Any
        branches, stored, digests = await asyncio.gather(
            self._client.hget(head, "branches"),
            self._client.hvals(keys.messages(conversation_id)),
            self._client.smembers(keys.blobs(conversation_id)),
        )
        messages = [msgspec.json.decode(each, type=Message) for each in stored]
        runs = list({message.run_id for message in messages if message.run_id})
        doomed = [keys.run(run_id) for run_id in runs]
        doomed += [keys.blob(conversation_id, digest.decode()) for digest in digests]
        for branch in map(str, range(int(branches or 1))):
            doomed += [keys.history(conversation_id, branch), keys.index(conversation_id, branch)]
        parents = {message.parent_id or "" for message in messages}
        doomed += [keys.versions(conversation_id, parent) for parent in parents]
        doomed += [
            keys.branches(conversation_id),
            keys.blobs(conversation_id),
            keys.requests(conversation_id),
            keys.kernel(conversation_id),
        ]
        await self._client.unlink(*doomed)
        # Last of all, since it names the others: repair must find it where this broke off.
        await self._client.unlink(keys.messages(conversation_id))
        if runs:
            await self._client.zrem(keys.UNFINISHED_RUNS, *runs)
