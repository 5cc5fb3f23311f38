"""What is too large or too binary for the history: stored once, by the digest of its bytes.

What all conversations of one user may take is bounded. Bytes are counted before they are stored,
and given back when their conversation is removed.
"""

import hashlib
from typing import Any

from msgspec import Struct

from pybot.errors import NotFound
from pybot.services.records import Viewer
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client
from pybot.services.store.script import Script
from pybot.services.store.write import Write

STORED = "stored_bytes"

# KEYS[1] the viewer's hash; ARGV: how many bytes come, the most in all. Gives 1 when they are in.
RESERVE = f"""
local stored = tonumber(redis.call('HGET', KEYS[1], '{STORED}') or 0)
if stored + ARGV[1] > tonumber(ARGV[2]) then return 0 end
redis.call('HINCRBY', KEYS[1], '{STORED}', ARGV[1])
return 1
"""


class Blob(Struct, frozen=True):
    """Bytes and their media type."""

    media_type: str
    data: bytes


class Blobs:
    """The blobs of every conversation; those of one user take `most` bytes."""

    def __init__(self, client: Client, appender: Appender, *, most: int) -> None:
        self._client = client
        self._appender = appender
        self._most = most
        self._reserve = Script(client, RESERVE)

    async def put(
        self, viewer: Viewer, conversation_id: str, media_type: str, data: bytes
    ) -> str | None:
        """Store bytes; their digest, or None when the viewer's storage is full.

        Raises Refused when the conversation is gone.
        """
        digest = hashlib.sha256(media_type.encode() + b"\0" + data).hexdigest()[:32]
        digests = keys.blobs(conversation_id)
        if await self._client.sismember(digests, digest):
            return digest
        head = keys.viewer(viewer.key)
        if not await self._reserve([head], [len(data), self._most]):
            return None
        write = Write.to_conversation(conversation_id)
        write.do("HSET", keys.blob(conversation_id, digest), "type", media_type, "data", data)
        write.do("SADD", digests, digest)
        write.do("HINCRBY", write.head, STORED, len(data))
        try:
            await self._appender.append(write)
        except BaseException:
            await self._client.hincrby(head, STORED, -len(data))
            raise
        return digest

    async def read(self, conversation_id: str, digest: str) -> Blob:
        """The bytes of a digest; raises NotFound."""
        key = keys.blob(conversation_id, digest)
        found: Any = await self._client.hmget(key, ["type", "data"])
        media_type, data = found
        if media_type is None:
            raise NotFound("There is no such output any more.")
        return Blob(media_type.decode(), data)


async def release_storage(client: Client, owner: Viewer, conversation_id: str) -> None:
    """Stop counting the bytes of a conversation that is being removed; once only."""
    head = keys.conversation(conversation_id)
    stored: Any = await client.hget(head, STORED)
    if stored is not None:
        await client.hincrby(keys.viewer(owner.key), STORED, -int(stored))
        await client.hdel(head, STORED)


class ConversationBlobs:
    """The blobs of one conversation, as the agent's port asks for them."""

    def __init__(self, blobs: Blobs, viewer: Viewer, conversation_id: str) -> None:
        self._blobs = blobs
        self._viewer = viewer
        self._conversation_id = conversation_id

    async def put(self, media_type: str, data: bytes) -> str | None:
        """Store bytes; their digest, or None when the user's storage is full."""
        return await self._blobs.put(self._viewer, self._conversation_id, media_type, data)
