"""Scripts that read: sent by their digest, and loaded where a Redis does not know them."""

import hashlib
from collections.abc import Sequence
from typing import Any

from redis.exceptions import NoScriptError

from pybot.services.store.client import Client

# Keys, arguments.
Call = tuple[Sequence[str], Sequence[str | int]]


class Script:
    """A script; unlike redis-py's own, several calls of it take one round trip."""

    def __init__(self, client: Client, source: str) -> None:
        self._client = client
        self._source = source
        self._sha = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()

    async def __call__(self, named: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """Its answer."""
        (answer,) = await self.each([(named, arguments)])
        return answer

    async def each(self, calls: Sequence[Call]) -> list[Any]:
        """The answers of several calls, in order."""
        try:
            return await self._each(calls)
        except NoScriptError:
            await self._client.script_load(self._source)
            return await self._each(calls)

    async def _each(self, calls: Sequence[Call]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipeline:
            for named, arguments in calls:
                pipeline.evalsha(self._sha, len(named), *named, *map(str, arguments))
            return await pipeline.execute()
