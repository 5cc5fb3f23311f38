"""Idempotency keys: a request with a key is carried out once, however often it is sent.

The IDs of what a request makes follow from its key, and the write that carries it out requires
that it was not carried out before, and records that it was. So of identical requests that meet,
on any servers, one writes and all others find what it made. What is refused records nothing:
the key stays free. A record lasts as long as its conversation.
"""

import hashlib
from typing import Any, Self
from uuid import uuid4

import msgspec
from msgspec import Struct

from pybot.errors import Conflict, InvalidInput
from pybot.services.records import Viewer
from pybot.services.store import keys
from pybot.services.store.client import Client
from pybot.services.store.write import Write

MAX_KEY_LENGTH = 200  # characters
# The label of a write that is refused because the request was carried out before.
CARRIED_OUT = "request"


class Request(Struct, frozen=True, kw_only=True):
    """A request for something that must not happen twice.

    `token` names it (a random one where the caller gave no key), `digest` is of its input. A
    request that makes a conversation lies in that one: its ID follows from the token.
    """

    token: str
    digest: str
    has_key: bool
    conversation_id: str

    @classmethod
    def of(
        cls,
        viewer: Viewer,
        operation: str,
        key: str | None,
        conversation_id: str | None,
        input: Any,
    ) -> Self:
        """The request of an operation on a conversation, or for a new one when None.

        `input` is anything that msgspec encodes. Raises InvalidInput for an empty or too long key.
        """
        if key is None:
            token = uuid4().hex
        elif 0 < len(key) <= MAX_KEY_LENGTH:
            token = _hashed(viewer.key, operation, conversation_id or "", key)
        else:
            message = f"An idempotency key has 1 to {MAX_KEY_LENGTH} characters."
            raise InvalidInput(message, ("idempotencyKey",))
        return cls(
            token=token,
            digest=_hashed(msgspec.json.encode(input, order="sorted").decode()),
            has_key=key is not None,
            conversation_id=conversation_id or _hashed(token, "conversation"),
        )

    def new_id(self, noun: str) -> str:
        """The ID of a `noun` that it creates in its conversation, the same each time."""
        return f"{self.conversation_id}.{_hashed(self.token, noun)}"

    def record_in(self, write: Write) -> Write:
        """Make the write record the request, and be refused when it is recorded already."""
        if self.has_key:
            key = keys.requests(self.conversation_id)
            write.require(CARRIED_OUT, "", "HGET", key, self.token)
            write.do("HSET", key, self.token, self.digest)
        return write

    def remove_from(self, write: Write) -> Write:
        """Make the write remove the record of a request that failed after all."""
        if self.has_key:
            write.do("HDEL", keys.requests(self.conversation_id), self.token)
        return write

    def check(self, digest: str) -> None:
        """Raise Conflict unless the request that was carried out is this one."""
        if digest != self.digest:
            message = "This idempotency key was used with another input."
            raise Conflict(message, ("idempotencyKey",))

    async def was_carried_out(self, client: Client) -> bool:
        """Whether the same request was carried out before; raises Conflict if it was another."""
        if not self.has_key:
            return False
        found: Any = await client.hget(keys.requests(self.conversation_id), self.token)
        if found is None:
            return False
        self.check(found.decode())
        return True


def _hashed(*texts: str) -> str:
    """Texts as 32 hex digits."""
    return hashlib.sha256(msgspec.json.encode(texts)).hexdigest()[:32]
