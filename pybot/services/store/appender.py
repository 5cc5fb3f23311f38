"""The one place of a process that writes to Redis: a single pipeline in flight.

While it is, further deltas of the same text merge and go as one entry, so that merging is the
load's own doing; a busy process gathers for some milliseconds. The buffer is bounded: a full one
makes writers wait.
"""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, cast

import hiredis
from redis.exceptions import NoScriptError

from pybot.errors import Unavailable
from pybot.services.events import encode
from pybot.services.store.connection import Client, is_trouble, unavailable
from pybot.services.store.hub import Hub
from pybot.services.store.write import SCRIPT, SCRIPT_WHEN_FULL, Refused, Word, Write

logger = logging.getLogger(__name__)

SHAS = {
    script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
    for script in (SCRIPT, SCRIPT_WHEN_FULL)
}
# Upstream's signature says one word.
packed: Callable[[tuple[Word, ...]], bytes] = cast("Any", hiredis).pack_command

BATCH = 64
# A process with so many writes in a flight gathers the next ones for so many seconds: a flight
# costs several times what a write does. One that is less busy waits for nothing.
BUSY = 3
GATHERING = 0.003
BUFFER = 1024


class Appender:
    """Carries out writes, in the order in which they were given."""

    def __init__(self, client: Client, hub: Hub, *, retention: int) -> None:
        self._client = client
        self._hub = hub
        self._retention = retention
        self._pending: list[tuple[Write, asyncio.Future[int]]] = []
        self._newest_of: dict[str, int] = {}
        self._closing = False
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Write while the context is open; what waits at its end is still written."""
        task = asyncio.create_task(self._run(), name="appender")
        try:
            yield
        finally:
            self._closing = True
            self._work.set()
            await task

    async def append(self, write: Write) -> int:
        """Carry out a write; the number of its last event. Raises Refused or Unavailable."""
        return await asyncio.shield(await self.put(write))

    async def put(
        self, write: Write, *, after: "asyncio.Future[int] | None" = None
    ) -> "asyncio.Future[int]":
        """Hand a write over, waiting only while the buffer is full.

        One that continues `after` is not written when that failed: there would be a gap.
        """
        newest = self._newest_of.get(write.head)
        if newest is not None:
            earlier, future = self._pending[newest]
            if earlier.absorb(write):
                return future
        await self._room.wait()
        if after is not None and after.done() and after.exception() is not None:
            return after
        future = asyncio.get_running_loop().create_future()
        self._newest_of[write.head] = len(self._pending)
        self._pending.append((write, future))
        if len(self._pending) >= BUFFER:
            self._room.clear()
        self._work.set()
        return future

    async def _run(self) -> None:
        while self._pending or not self._closing:
            await self._work.wait()
            batch = self._pending[:BATCH]
            self._pending = self._pending[BATCH:]
            self._newest_of = {write.head: at for at, (write, _) in enumerate(self._pending)}
            if not self._pending and not self._closing:
                self._work.clear()
            if len(self._pending) < BUFFER:
                self._room.set()
            if batch:
                await self._write(batch)
            if len(batch) >= BUSY:
                await asyncio.sleep(GATHERING)

    async def _write(self, batch: list[tuple[Write, asyncio.Future[int]]]) -> None:
        milliseconds = int(time.time() * 1000)
        try:
            answers = await self._execute([write for write, _ in batch])
        except Unavailable as error:
            # What was given since may continue these, so it fails as well.
            failed, self._pending = batch + self._pending, []
            self._newest_of.clear()
            self._room.set()
            logger.warning("Redis did not take %d writes: %s", len(failed), error)
            for _, future in failed:
                _fail(future, error)
            return
        for (write, future), answer in zip(batch, answers, strict=True):
            self._settle(write, future, answer, milliseconds)

    async def _execute(self, writes: list[Write]) -> list[Any]:
        """The script's answers, in order; an answer may be an error."""
        answers = await self._client.execute_once([self._command(write) for write in writes])
        missing = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if missing and len(missing) == len(answers) - missing[0]:
            # Only after a restart of Redis: nothing of these was carried out. When another process
            # loads the script meanwhile, those behind are, and it is too late for the others.
            for script in SHAS:
                await self._client.script_load(script)
            again = await self._execute([writes[at] for at in missing])
            for at, answer in zip(missing, again, strict=True):
                answers[at] = answer
        return answers

    def _command(self, write: Write) -> bytes:
        named = write.keys()
        own = self._hub.subscriptions(write.log)
        sha, arguments = SHAS[write.script], write.arguments(self._retention, own)
        return packed(("EVALSHA", sha, len(named), *named, *arguments))

    def _settle(
        self, write: Write, future: "asyncio.Future[int]", answer: Any, milliseconds: int
    ) -> None:
        if isinstance(answer, Exception):
            _fail(future, unavailable(answer) if is_trouble(answer) else answer)
            return
        try:
            last = write.answered(answer)
        except Refused as refused:
            _fail(future, refused)
            return
        first = last - len(write.events) + 1
        for number, event in enumerate(write.events, first):
            self._hub.deliver(write.log, (number, milliseconds, encode(event)))
        future.set_result(last)


def _fail(future: "asyncio.Future[int]", error: Exception) -> None:
    """Fail a write. A delta's writer may never ask: the failure then shows at its next write."""
    future.set_exception(error)
    future.exception()  # or asyncio complains that nobody has
