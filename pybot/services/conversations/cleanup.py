"""Keeps what lies outside of a conversation's own keys in step with it, and removes all of it.

A deletion first leaves a tombstone, which refuses every later write, and then removes everything.
Conversations that are being created or deleted are marked as unfinished: repair finishes what a
crash cut short.
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
from pybot.services.store.client import Client
from pybot.services.store.script import Script
from pybot.services.store.write import Write
from pybot.services.values.instants import milliseconds, now

logger = logging.getLogger(__name__)

# Younger ones are still being created or deleted by a process that lives.
REPAIR_AGE = 2_000  # ms
REPAIR_INTERVAL = 3.0  # seconds
# A tombstone lasts so long at least: a repeated request with the idempotency key that created the
# conversation finds it, and does not create the conversation again.
TOMBSTONE_SECONDS = 24 * 60 * 60

# Also when Redis is full: a deletion makes room.
NOTE = "#!lua flags=allow-oom\nreturn redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])"

# Removes something of a deleted conversation.
Removal = Callable[[str], Coroutine[Any, Any, None]]


class Cleanup:
    """Deletes conversations, and finishes creations and deletions that a crash cut short."""

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
        self._note_script = Script(client, NOTE)
        self._tombstone = max(retention, TOMBSTONE_SECONDS)
        # What else is removed with a conversation: its kernel, its folder.
        self.on_delete: list[Removal] = []

    async def mark_unfinished(self, conversation_id: str) -> None:
        """List a conversation for repair, until `mark_finished`."""
        await self._note_script(
            [keys.UNFINISHED_CONVERSATIONS], [milliseconds(now()), conversation_id]
        )

    async def mark_finished(self, conversation_id: str) -> None:
        """Take a conversation off repair's list."""
        await self._client.zrem(keys.UNFINISHED_CONVERSATIONS, conversation_id)

    async def mark_deleted(self, conversation_id: str) -> None:
        """Make the hash a tombstone: every later write to the conversation is refused.

        Raises Refused when there is none, or it is deleted already.
        """
        await self.mark_unfinished(conversation_id)
        write = Write.to_conversation(conversation_id).even_when_full()
        fields = ("deleted_at", milliseconds(now()), "title", "", "instructions", "")
        write.do("HSET", write.head, *fields).do("EXPIRE", write.head, self._tombstone)
        await self._appender.append(write.emit(ConversationDeleted(conversation_id)))

    async def remove(self, owner: Viewer, conversation_id: str) -> None:
        """Remove everything of a deleted conversation; repair does again what fails."""
        is_done = True
        steps: list[Removal] = [
            partial(self._remove_from_list, owner),
            *self.on_delete,
            self._remove_keys,
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
            await self.mark_finished(conversation_id)

    async def repair(self) -> None:
        """Finish what has been unfinished for REPAIR_AGE."""
        latest = milliseconds(now()) - REPAIR_AGE
        found: Any = await self._client.zrangebyscore(keys.UNFINISHED_CONVERSATIONS, "-inf", latest)
        for conversation_id in map(bytes.decode, found):
            if owner := await self._gate.owner(conversation_id):
                await self._add_to_list(owner, conversation_id)
            elif owner := await self._gate.owner_of_deleted(conversation_id):
                await self.remove(owner, conversation_id)
            else:  # it was never created, or everything of it has expired
                await self.mark_finished(conversation_id)

    async def _add_to_list(self, owner: Viewer, conversation_id: str) -> None:
        """Add a conversation to its owner's list, which its creation did not come to."""
        if await self._viewerlog.lists(owner, conversation_id):
            await self.mark_finished(conversation_id)
            return
        try:
            opened = await self._gate.open(owner, conversation_id)
        except NotFound:
            return  # deleted meanwhile: the next repair removes it
        event = ConversationChanged(
            opened.conversation, opened.run, opened.kernel, cursor=opened.cursor, created=True
        )
        await self._viewerlog.append(owner, event)
        await self.mark_finished(conversation_id)

    async def _remove_from_list(self, owner: Viewer, conversation_id: str) -> None:
        await self._viewerlog.append(owner, ConversationDeleted(conversation_id))

    async def _remove_keys(self, conversation_id: str) -> None:
        """Remove all keys but the log and the tombstone, which expire."""
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
        to_remove = [keys.run(run_id) for run_id in runs]
        to_remove += [keys.blob(conversation_id, digest.decode()) for digest in digests]
        for branch in map(str, range(int(branches or 1))):
            to_remove += [
                keys.history(conversation_id, branch),
                keys.index(conversation_id, branch),
            ]
        parents = {message.parent_id or "" for message in messages}
        to_remove += [keys.versions(conversation_id, parent) for parent in parents]
        to_remove += [
            keys.branches(conversation_id),
            keys.blobs(conversation_id),
            keys.requests(conversation_id),
            keys.kernel(conversation_id),
        ]
        await self._client.unlink(*to_remove)
        # Last of all, since it names the others: repair must find it where this broke off.
        await self._client.unlink(keys.messages(conversation_id))
        if runs:
            await self._client.zrem(keys.UNFINISHED_RUNS, *runs)
