"""Conversations' metadata, always by owner."""

import asyncio
import contextlib
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from aredis_om import NotFoundError
from msgspec import Struct

from pybot.errors import Conflict, InvalidInput, NotFound
from pybot.services.claims import Claims
from pybot.services.events import ConversationChanged, ConversationDeleted
from pybot.services.instants import milliseconds, now
from pybot.services.listing import Listing
from pybot.services.models import (
    NO_CONVERSATION,
    ConversationModel,
    Models,
    conversation_from,
    new_hash,
)
from pybot.services.pages import Page, PageRequest
from pybot.services.records import Conversation, Message, Viewer, new_id
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.connection import Client
from pybot.services.store.write import LOST, Refused, Word, Write
from pybot.services.viewerlog import ViewerLog

MAX_TITLE_LENGTH = 200
MAX_INSTRUCTIONS_LENGTH = 8_000
NEW_TITLE = "New chat"


# What an event says of a conversation, and so must not have changed since it was read.
EVENT_FIELDS = ("title", "pinned", "archived", "model", "instructions", "path", "active_run")
MAX_ATTEMPTS = 20


class Change(Struct, frozen=True):
    """A changed conversation, and the cursor just before the change."""

    conversation: Conversation
    cursor: int


class Conversations:
    """Creating, changing, deleting and listing."""

    def __init__(
        self,
        client: Client,
        models: Models,
        appender: Appender,
        viewerlog: ViewerLog,
        claims: Claims,
        *,
        model_names: Sequence[str],
        retention: int,
    ) -> None:
        self._client = client
        self._models = models
        self._appender = appender
        self._viewerlog = viewerlog
        self._claims = claims
        self._model_names = model_names
        self._retention = retention
        self._listing = Listing(client)
        # What else ends with a conversation: its kernel, its folder.
        self.on_delete: list[Callable[[str], Awaitable[None]]] = []

    async def page(self, viewer: Viewer, request: PageRequest) -> Page[Conversation]:
        """A page of the viewer's conversations, the newest update first."""
        return await self._listing.page(viewer, request)

    async def cursor(self, viewer: Viewer) -> int:
        """The cursor of the viewer's log."""
        return await self._viewerlog.cursor(viewer)

    async def get(self, viewer: Viewer, conversation_id: str) -> Conversation:
        """One of the viewer's conversations; raises NotFound."""
        try:
            found = await self._models.conversation.get(conversation_id)
        except NotFoundError:
            raise NotFound(NO_CONVERSATION, ("conversationId",)) from None
        if found.owner != viewer.username or found.deleted_at:
            raise NotFound(NO_CONVERSATION, ("conversationId",))
        return found.record()

    def new(
        self,
        viewer: Viewer,
        conversation_id: str,
        *,
        title: str | None,
        model: str | None,
        instructions: str,
    ) -> tuple[Conversation, list[Word]]:
        """A conversation to be created: its record, and its fields for HSET."""
        self._check(model=model, instructions=instructions)
        created = milliseconds(now())
        stored = self._models.conversation(
            pk=conversation_id,
            owner=viewer.username,
            title=NEW_TITLE if title is None else tidied(title),
            titled_by="user" if title else "",
            model=model or self._model_names[0],
            instructions=instructions,
            created_at=created,
            updated_at=created,
        )
        return stored.record(), new_hash(stored)

    async def create(
        self,
        viewer: Viewer,
        *,
        title: str | None = None,
        model: str | None = None,
        instructions: str = "",
        idempotency_key: str | None = None,
    ) -> Conversation:
        """Create an empty conversation."""
        ids = await self._claims.claim(
            viewer, "create", idempotency_key, [title, model, instructions], {"c": new_id()}
        )
        conversation, fields = self.new(
            viewer, ids["c"], title=title, model=model, instructions=instructions
        )
        await self._viewerlog.enlist(conversation)
        write = Write.new_conversation(conversation.id)
        write.do("HSET", keys.conversation(conversation.id), *fields)
        try:
            await self._appender.append(write.emit(ConversationChanged(conversation)))
        except Refused:
            return await self.get(viewer, conversation.id)
        await self._viewerlog.tell(viewer.username, ConversationChanged(conversation))
        return conversation

    async def update(
        self,
        viewer: Viewer,
        conversation_id: str,
        *,
        title: str | None = None,
        pinned: bool | None = None,
        archived: bool | None = None,
        model: str | None = None,
        instructions: str | None = None,
    ) -> Conversation:
        """Change a conversation; None leaves a field as it is."""
        self._check(model=model, instructions=instructions)
        title = None if title is None else tidied(title)
        await self.get(viewer, conversation_id)
        changes: dict[str, Word] = {"updated_at": milliseconds(now())}
        if title is not None:
            changes |= {"title": title, "titled_by": "user"}
        for name, value in (("pinned", pinned), ("archived", archived)):
            if value is not None:
                changes[name] = int(value)
        for name, text in (("model", model), ("instructions", instructions)):
            if text is not None:
                changes[name] = text
        return (await self.change(viewer, conversation_id, changes)).conversation

    async def entitle(self, viewer: Viewer, conversation_id: str, title: str, *, by: str) -> None:
        """Give a title unless there is one; `by=""` lets another one take its place."""

        async def unless_titled(before: ConversationModel, _: Write) -> None:
            if before.titled_by or before.title == title:
                raise Conflict("The conversation has a title.")

        changes: dict[str, Word] = {"title": title[:MAX_TITLE_LENGTH], "titled_by": by}
        with contextlib.suppress(Conflict):
            await self.change(viewer, conversation_id, changes, unless_titled)

    async def change(
        self,
        viewer: Viewer,
        conversation_id: str,
        changes: dict[str, Word],
        extend: Callable[[ConversationModel, Write], Awaitable[None]] | None = None,
    ) -> Change:
        """Set fields of a conversation that exists, and say so in both logs.

        `extend` adds to the same atomic write, and may raise when the conversation is not as it
        must be. When anything that was read has changed meanwhile, all is done again. Raises
        NotFound, and Refused for a fence or for entries that Redis has lost.
        """
        head = keys.conversation(conversation_id)
        for _ in range(MAX_ATTEMPTS):
            fields: Any = await self._client.hgetall(head)
            before = conversation_from(fields, viewer.username)
            write = Write.to_conversation(conversation_id)
            for name in EVENT_FIELDS:
                write.require("same", getattr(before, name), "HGET", head, name)
            if extend is not None:
                await extend(before, write)
            after = before.model_copy(update=changes).record()
            flat = [word for change in changes.items() for word in change]
            write.do("HSET", head, *flat).emit(ConversationChanged(after))
            try:
                last = await self._appender.append(write)
            except Refused as refused:
                if refused.label == "exists":
                    raise NotFound(NO_CONVERSATION, ("conversationId",)) from None
                if refused.label in ("fence", LOST):
                    raise
                continue
            await self._viewerlog.tell(viewer.username, ConversationChanged(after))
            return Change(after, last - len(write.events))
        raise Conflict("The conversation is being changed by others. Try again.")

    async def delete(self, viewer: Viewer, conversation_ids: Sequence[str]) -> list[str]:
        """Delete conversations; the IDs of those that were there."""
        if len(conversation_ids) > 100:
            raise InvalidInput("At most 100 conversations at once.", ("conversationIds",))
        deleted: list[str] = []
        for conversation_id in dict.fromkeys(conversation_ids):
            try:
                await self.get(viewer, conversation_id)
                await self._bury(conversation_id)
            except (NotFound, Refused):
                continue
            event = ConversationDeleted(conversation_id)
            await self._viewerlog.tell(viewer.username, event)
            for end in self.on_delete:
                await end(conversation_id)
            await self._sweep(conversation_id)
            deleted.append(conversation_id)
        return deleted

    async def _bury(self, conversation_id: str) -> None:
        """Leave a tombstone, which refuses every later write."""
        head = keys.conversation(conversation_id)
        write = Write.to_conversation(conversation_id)
        write.do("HSET", head, "deleted_at", milliseconds(now()), "title", "", "instructions", "")
        write.do("EXPIRE", head, self._retention)
        await self._appender.append(write.emit(ConversationDeleted(conversation_id)))

    async def _sweep(self, conversation_id: str) -> None:
        """Remove what a deleted conversation leaves; its log goes when its time is over."""
        head = keys.conversation(conversation_id)
        paths: Any
        messages: Any
        digests: Any
        paths, messages, digests = await asyncio.gather(
            self._client.hget(head, "paths"),
            self._client.hvals(keys.messages(conversation_id)),
            self._client.smembers(keys.blobs(conversation_id)),
        )
        runs = run_ids_of(messages)
        doomed = [keys.run(run_id) for run_id in runs]
        doomed += [keys.blob(conversation_id, digest.decode()) for digest in digests]
        for path in map(str, range(int(paths or 1))):
            doomed += [keys.history(conversation_id, path), keys.index(conversation_id, path)]
        doomed += [keys.messages(conversation_id), keys.blobs(conversation_id)]
        await self._client.delete(*doomed, keys.kernel(conversation_id))
        if runs:
            await self._client.zrem(keys.UNFINISHED_RUNS, *runs)

    def _check(self, *, model: str | None, instructions: str | None) -> None:
        if instructions is not None and len(instructions) > MAX_INSTRUCTIONS_LENGTH:
            message = f"Instructions have at most {MAX_INSTRUCTIONS_LENGTH} characters."
            raise InvalidInput(message, ("instructions",))
        if model is not None and model not in self._model_names:
            raise InvalidInput("This server has no such model.", ("modelId",))


def tidied(title: str) -> str:
    """A title on one line, without control characters; raises InvalidInput when none is left."""
    kept = (each for each in title if each.isspace() or unicodedata.category(each) != "Cc")
    tidy = " ".join("".join(kept).split())
    seen = any(each.isprintable() and each != " " for each in tidy)
    if not seen or len(tidy) > MAX_TITLE_LENGTH:
        raise InvalidInput(f"A title has 1 to {MAX_TITLE_LENGTH} characters.", ("title",))
    return tidy


def run_ids_of(messages: Sequence[bytes]) -> list[str]:
    """The runs that stored messages name."""
    records = [msgspec.json.decode(message, type=Message) for message in messages]
    return list(dict.fromkeys(record.run_id for record in records if record.run_id))
