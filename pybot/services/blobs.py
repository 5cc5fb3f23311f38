"""What is too large or too binary for the history: kept once, by the digest of its bytes."""

import hashlib
from typing import Any

from msgspec import Struct

from pybot.errors import NotFound
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.connection import Client
from pybot.services.store.write import Write


class Blob(Struct, frozen=True):
    """Bytes and their media type."""

    media_type: str
    data: bytes


class Blobs:
    """The blobs of every conversation."""

    def __init__(self, client: Client, appender: Appender) -> None:
        self._client = client
        self._appender = appender

    async def put(self, conversation_id: str, media_type: str, data: bytes) -> str:
        """Keep bytes; their digest. Raises Refused when the conversation is gone."""
        digest = hashlib.sha256(media_type.encode() + b"\0" + data).hexdigest()[:32]
        key = keys.blob(conversation_id, digest)
        write = Write.to_conversation(conversation_id)
        write.do("HSET", key, "type", media_type, "data", data)
        write.do("SADD", keys.blobs(conversation_id), digest)
        await self._appender.append(write)
        return digest

    async def read(self, conversation_id: str, digest: str) -> Blob:
        """The bytes of a digest; raises NotFound."""
        key = keys.blob(conversation_id, digest)
        found: Any = await self._client.hmget(key, ["type", "data"])
        media_type, data = found
        if media_type is None:
            raise NotFound("There is no such output any more.")
        return Blob(media_type.decode(), data)


class ConversationBlobs:
    """The blobs of one conversation, as the agent's port asks for them."""

    def __init__(self, blobs: Blobs, conversation_id: str) -> None:
        self._blobs = blobs
        self._conversation_id = conversation_id

    async def put(self, media_type: str, data: bytes) -> str:
        """Keep bytes; their digest."""
        return await self._blobs.put(self._conversation_id, media_type, data)
