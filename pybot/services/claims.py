"""Idempotency keys: the IDs of what a request makes are claimed before it is made.

A repeated request finds the claim and carries out the same write with the same IDs, which finds
that everything is there already. So a request whose answer was lost, or whose server was, can be
sent again for a day.
"""

import hashlib
from typing import Any

import msgspec

from pybot.errors import Conflict, InvalidInput
from pybot.services.records import Viewer
from pybot.services.store import keys
from pybot.services.store.connection import Client

KEPT_SECONDS = 24 * 60 * 60
MAX_KEY_LENGTH = 200


class Claims:
    """The claimed IDs of each viewer."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def claim(
        self,
        viewer: Viewer,
        operation: str,
        idempotency_key: str | None,
        request: Any,
        ids: dict[str, str],
    ) -> dict[str, str]:
        """`ids`, or those that the same request claimed before.

        Raises Conflict when the key was used with another request.
        """
        if idempotency_key is None:
            return ids
        if not 0 < len(idempotency_key) <= MAX_KEY_LENGTH:
            message = f"An idempotency key has 1 to {MAX_KEY_LENGTH} characters."
            raise InvalidInput(message, ("idempotencyKey",))
        key = self._key(viewer, operation, idempotency_key)
        digest = hashlib.sha256(msgspec.json.encode(request, order="sorted")).hexdigest()
        value = msgspec.json.encode({"request": digest, "ids": ids})
        found: Any = await self._client.set(key, value, nx=True, ex=KEPT_SECONDS, get=True)
        if found is None:
            return ids
        earlier = msgspec.json.decode(found)
        if earlier["request"] != digest:
            message = "This idempotency key was used with another input."
            raise Conflict(message, ("idempotencyKey",))
        claimed: dict[str, str] = earlier["ids"]
        return claimed

    async def release(self, viewer: Viewer, operation: str, idempotency_key: str | None) -> None:
        """Forget a claim whose request was refused: nothing was made."""
        if idempotency_key is not None:
            await self._client.delete(self._key(viewer, operation, idempotency_key))

    @staticmethod
    def _key(viewer: Viewer, operation: str, idempotency_key: str) -> str:
        digest = hashlib.sha256(idempotency_key.encode()).hexdigest()
        return keys.claim(viewer.key, operation, digest)
