"""Opens conversations for their owners; for everybody else they are NotFound.

Owner and deletion are read here and nowhere else.
"""

from collections.abc import Sequence
from importlib import resources
from typing import Any

import msgspec

from pybot.errors import NotFound
from pybot.services.records import Conversation, Kernel, Run, Viewer
from pybot.services.store import keys
from pybot.services.store.client import Client
from pybot.services.store.hashes import ConversationHash, RunHash
from pybot.services.store.script import Call, Script

SCRIPT = resources.files("pybot.services.conversations").joinpath("open.lua").read_text()
NO_CONVERSATION = "There is no conversation with this ID."


class Opened:
    """A conversation as of one instant: its hash, its active run, its kernel.

    `kernel_json` is the kernel as it is stored, "" without one.
    """

    def __init__(
        self, stored: ConversationHash, run: Run | None, kernel: Kernel | None, kernel_json: str
    ) -> None:
        self.stored = stored
        self.run = run
        self.kernel = kernel
        self.kernel_json = kernel_json

    @property
    def conversation(self) -> Conversation:
        """The metadata."""
        return self.stored.record()

    @property
    def cursor(self) -> int:
        """The number of the newest event."""
        return self.stored.seq


class Gate:
    """Opens conversations."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._script = Script(client, SCRIPT)

    async def open(self, viewer: Viewer, conversation_id: str) -> Opened:
        """One of the viewer's conversations; raises NotFound."""
        return _opened(await self._script(*_call(conversation_id)), viewer)

    async def open_each(
        self, viewer: Viewer, conversation_ids: Sequence[str]
    ) -> list[Opened | None]:
        """Several of them, in one round trip; None for those that are not there."""
        if not conversation_ids:
            return []
        answers = await self._script.each([_call(each) for each in conversation_ids])
        return [_opened_or_none(answer, viewer) for answer in answers]

    async def is_deleted(self, viewer: Viewer, conversation_id: str) -> bool:
        """Whether it was a conversation of the viewer's, and was deleted not long ago."""
        return await self.owner_of_deleted(conversation_id) == Viewer(username=viewer.username)

    async def owner(self, conversation_id: str) -> Viewer | None:
        """Whose a conversation is, for work on the owner's behalf; None when it is not there."""
        owner, is_deleted = await self._owner(conversation_id)
        return None if is_deleted else owner

    async def owner_of_deleted(self, conversation_id: str) -> Viewer | None:
        """Whose a deleted conversation was; None when it was not deleted, or is forgotten."""
        owner, is_deleted = await self._owner(conversation_id)
        return owner if is_deleted else None

    async def _owner(self, conversation_id: str) -> tuple[Viewer | None, bool]:
        """Whose a conversation is or was, and whether it was deleted."""
        key = keys.conversation(conversation_id)
        found: list[Any] = await self._client.hmget(key, ["owner", "deleted_at"])
        owner, deleted_at = found
        return Viewer(username=owner.decode()) if owner else None, deleted_at != b"0"


def _call(conversation_id: str) -> Call:
    named = [keys.conversation(conversation_id), keys.kernel(conversation_id)]
    return named, [keys.run(f"{conversation_id}.")]


def _opened(answer: Any, viewer: Viewer) -> Opened:
    fields, run, kernel = _pairs(answer[0]), _pairs(answer[1]), answer[2]
    if fields.get("owner") != viewer.username or fields.get("deleted_at") != "0":
        raise NotFound(NO_CONVERSATION, ("conversationId",))
    return Opened(
        stored=ConversationHash.model_validate(fields),
        run=RunHash.model_validate(run).record() if run else None,
        kernel=msgspec.json.decode(kernel, type=Kernel) if kernel else None,
        kernel_json=(kernel or b"").decode(),
    )


def _opened_or_none(answer: Any, viewer: Viewer) -> Opened | None:
    try:
        return _opened(answer, viewer)
    except NotFound:
        return None


def _pairs(flat: list[bytes]) -> dict[str, str]:
    return {
        name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)
    }
