"""Creating, changing and deleting conversations, always by their owner."""

import contextlib
from collections.abc import Sequence

from msgspec.structs import replace

from pybot.errors import InvalidInput, NotFound
from pybot.services.conversations.changes import Changes
from pybot.services.conversations.cleanup import Cleanup
from pybot.services.conversations.gate import Gate, Opened
from pybot.services.conversations.listing import Listing
from pybot.services.conversations.messages import Messages
from pybot.services.conversations.snapshots import Snapshot, Snapshots
from pybot.services.conversations.viewerlog import ViewerLog
from pybot.services.records import Run, Viewer, joined_text
from pybot.services.records.events import ConversationChanged
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client
from pybot.services.store.hashes import ConversationHash, Hashes, new_fields
from pybot.services.store.requests import Request
from pybot.services.store.write import Refused, Word, Write
from pybot.services.values.instants import milliseconds, now
from pybot.services.values.pages import Page, PageRequest
from pybot.services.values.text import cleaned, is_visible, one_line
from pybot.services.values.titles import first_words

MAX_TITLE_LENGTH = 200  # characters
MAX_INSTRUCTIONS_LENGTH = 8_000  # characters
NEW_TITLE = "New chat"


class Conversations:
    """The commands on a viewer's conversations, and the list of them."""

    def __init__(
        self,
        client: Client,
        gate: Gate,
        hashes: Hashes,
        appender: Appender,
        snapshots: Snapshots,
        changes: Changes,
        messages: Messages,
        viewerlog: ViewerLog,
        cleanup: Cleanup,
        *,
        model_names: Sequence[str],
    ) -> None:
        self._client = client
        self._gate = gate
        self._hashes = hashes
        self._appender = appender
        self._snapshots = snapshots
        self._changes = changes
        self._messages = messages
        self._viewerlog = viewerlog
        self._cleanup = cleanup
        self._model_names = model_names
        self._listing = Listing(client, snapshots)

    async def page(self, viewer: Viewer, request: PageRequest) -> Page[Snapshot]:
        """A page of the viewer's conversations: pinned ones, then the newest update first."""
        return await self._listing.page(viewer, request)

    async def cursor(self, viewer: Viewer) -> int:
        """The cursor of the viewer's log."""
        return await self._viewerlog.cursor(viewer)

    def new(
        self,
        viewer: Viewer,
        conversation_id: str,
        *,
        title: str | None,
        model: str | None,
        instructions: str,
    ) -> ConversationHash:
        """The hash of a conversation to be created; raises InvalidInput and NotFound."""
        self._check_model(model)
        created = milliseconds(now())
        return self._hashes.conversation(
            pk=conversation_id,
            owner=viewer.username,
            title=NEW_TITLE if title is None else valid_title(title),
            titled_by="user" if title else "",
            model=model or self._model_names[0],
            instructions=valid_instructions(instructions),
            created_at=created,
            updated_at=created,
        )

    async def create(
        self,
        viewer: Viewer,
        *,
        title: str | None = None,
        model: str | None = None,
        instructions: str = "",
        idempotency_key: str | None = None,
    ) -> Snapshot:
        """Create an empty conversation, once for an idempotency key."""
        made = [title, model, instructions]
        request = Request.of(viewer, "createConversation", idempotency_key, None, made)
        conversation_id = request.conversation_id
        if await request.was_carried_out(self._client):
            return await self._snapshots.open(viewer, conversation_id)
        new = self.new(viewer, conversation_id, title=title, model=model, instructions=instructions)
        event = ConversationChanged(new.record(), created=True)
        write = request.record_in(Write.new_conversation(conversation_id))
        write.do("HSET", write.head, *new_fields(new)).emit(event)
        await self._cleanup.mark_unfinished(conversation_id)
        try:
            last = await self._appender.append(write)
        except Refused:
            # The same request was faster, or its conversation was deleted since.
            await request.was_carried_out(self._client)
            return await self._snapshots.open(viewer, conversation_id)
        await self._viewerlog.append(viewer, replace(event, cursor=last))
        await self._cleanup.mark_finished(conversation_id)
        return self._snapshots.as_of(event, last)

    async def update(
        self,
        viewer: Viewer,
        conversation_id: str,
        *,
        title: str | None = None,
        makes_title: bool = False,
        pinned: bool | None = None,
        archived: bool | None = None,
        model: str | None = None,
        instructions: str | None = None,
    ) -> Snapshot:
        """Change a conversation; None leaves a field as it is.

        `makes_title` gives it the title that its first message makes, in place of a given one.
        """
        self._check_model(model)
        instructions = None if instructions is None else valid_instructions(instructions)
        fields: dict[str, Word] = {}
        if title is not None:
            fields |= {"title": valid_title(title), "titled_by": "user"}
        elif makes_title:
            fields |= {"title": await self._made_title(viewer, conversation_id), "titled_by": ""}
        for name, value in (("pinned", pinned), ("archived", archived)):
            if value is not None:
                fields[name] = int(value)
        for name, text in (("model", model), ("instructions", instructions)):
            if text is not None:
                fields[name] = text

        async def unless_so(opened: Opened, _: Write, changed: dict[str, Word]) -> Run | None:
            if all(getattr(opened.stored, name) == value for name, value in changed.items()):
                raise _Unchanged
            changed["updated_at"] = milliseconds(now())
            return opened.run

        try:
            change = await self._changes.make(viewer, conversation_id, fields, unless_so)
        except _Unchanged:
            return await self._snapshots.open(viewer, conversation_id)
        return change.snapshot

    async def open_untitled(self, viewer: Viewer, conversation_id: str) -> Snapshot | None:
        """A conversation; None when the user or the model gave its title. Raises NotFound."""
        opened = await self._gate.open(viewer, conversation_id)
        return None if opened.stored.titled_by else self._snapshots.of(opened)

    async def set_title(self, viewer: Viewer, conversation_id: str, title: str, *, by: str) -> None:
        """Set the title unless the user or the model gave one.

        `by` is "user" or "model", or "" for one that a later call may replace.
        """

        async def unless_titled(opened: Opened, _: Write, __: dict[str, Word]) -> Run | None:
            if opened.stored.titled_by or opened.stored.title == title:
                raise _Unchanged
            return opened.run

        fields: dict[str, Word] = {"title": title[:MAX_TITLE_LENGTH], "titled_by": by}
        with contextlib.suppress(_Unchanged):
            await self._changes.make(viewer, conversation_id, fields, unless_titled)

    async def archive(
        self, viewer: Viewer, conversation_ids: Sequence[str], *, archived: bool
    ) -> list[str]:
        """Put those away, or back, that exist; their IDs."""
        changed: list[str] = []
        for conversation_id in conversation_ids:
            with contextlib.suppress(NotFound):
                await self.update(viewer, conversation_id, archived=archived)
                changed.append(conversation_id)
        return changed

    async def delete(self, viewer: Viewer, conversation_ids: Sequence[str]) -> list[str]:
        """Delete those that exist; their IDs."""
        deleted: list[str] = []
        for conversation_id in dict.fromkeys(conversation_ids):
            try:
                await self._gate.open(viewer, conversation_id)
                await self._cleanup.mark_deleted(conversation_id)
            except (NotFound, Refused):
                continue
            deleted.append(conversation_id)
            await self._cleanup.remove(viewer, conversation_id)
        return deleted

    async def _made_title(self, viewer: Viewer, conversation_id: str) -> str:
        """The title that stands until the model gives one: how the first message begins."""
        snapshot = await self._snapshots.open(viewer, conversation_id)
        page = await self._messages.page(snapshot, PageRequest(first=1))
        texts = [joined_text(edge.node.parts) for edge in page.edges]
        return first_words(texts[0]) if texts else NEW_TITLE

    def answering_model(self, model: str) -> str:
        """The name of the model that answers in a conversation with a model.

        The default one stands in for one that this server no longer names.
        """
        return model if model in self._model_names else self._model_names[0]

    def _check_model(self, model: str | None) -> None:
        if model is not None and model not in self._model_names:
            raise NotFound("This server has no such model.", ("modelId",))


class _Unchanged(Exception):
    """There is nothing to change."""


def valid_title(title: str) -> str:
    """A title on one line, without control characters; raises InvalidInput when none is left."""
    tidy = one_line(title)
    if not is_visible(tidy) or len(tidy) > MAX_TITLE_LENGTH:
        raise InvalidInput(f"A title has 1 to {MAX_TITLE_LENGTH} characters.", ("title",))
    return tidy


def valid_instructions(instructions: str) -> str:
    """Instructions without NULs, empty where nothing can be seen; InvalidInput for long ones."""
    clean = cleaned(instructions)
    if len(clean) > MAX_INSTRUCTIONS_LENGTH:
        message = f"Instructions have at most {MAX_INSTRUCTIONS_LENGTH} characters."
        raise InvalidInput(message, ("instructions",))
    return clean if is_visible(clean) else ""
