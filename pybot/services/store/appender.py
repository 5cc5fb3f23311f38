"""The one place of a process that writes to Redis: a single pipeline in flight.

While it is, further deltas of the same text merge and go as one entry, so that more are merged the
busier the process is; a busy one gathers for some milliseconds. The buffer is bounded: a full one
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
from pybot.services.background.supervisor import Supervisor
from pybot.services.records.events import encode
from pybot.services.store.client import Client, is_redis_state, unavailable
from pybot.services.store.hub import Hub
from pybot.services.store.write import SCRIPT, SCRIPT_WHEN_FULL, Refused, Word, Write

logger = logging.getLogger(__name__)

SHAS = {
    script: hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
    for script in (SCRIPT, SCRIPT_WHEN_FULL)
}
# hiredis packs several words, though its type takes one.
packed: Callable[[tuple[Word, ...]], bytes] = cast("Any", hiredis).pack_command

BATCH = 64  # writes of one pipeline at most
# After a pipeline of BUSY writes or more the appender waits GATHERING seconds, so that the next one
# has more: a pipeline costs several times what a write does.
BUSY = 3
GATHERING = 0.003
BUFFER = 1024  # writes that wait; a full buffer makes writers wait

HAS_ENDED = "This server takes no more writes, and is restarting. Try again in a moment."

Waiting = tuple[Write, asyncio.Future[int]]


class Appender:
    """Carries out writes, in the order in which they were given."""

    def __init__(self, client: Client, hub: Hub, *, retention: int) -> None:
        self._client = client
        self._hub = hub
        self._retention = retention
        self._pending: list[Waiting] = []
        self._in_flight: list[Waiting] = []
        self._newest_of: dict[str, int] = {}
        self._closing = False
        self._has_ended = False
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @contextlib.asynccontextmanager
    async def running(self, supervisor: Supervisor) -> AsyncGenerator[None]:
        """Write while the context is open; what waits at its end is still written."""
        task = supervisor.start(self._run(), "appender")
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

        One that continues `after` is not written when that failed: there would be a gap. Raises
        Unavailable once the appender has ended, whether it was closed or failed.
        """
        newest = self._newest_of.get(write.head)
        if newest is not None:
            earlier, future = self._pending[newest]
            if earlier.absorb(write):
                return future
        await self._room.wait()
        if self._has_ended:
            raise Unavailable(HAS_ENDED)
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
        try:
            await self._write_batches()
        finally:
            self._has_ended = True
            self._fail_all(Unavailable(HAS_ENDED))

    async def _write_batches(self) -> None:
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
                self._in_flight = batch
                await self._write(batch)
                self._in_flight = []
            if len(batch) >= BUSY:
                await asyncio.sleep(GATHERING)

    async def _write(self, batch: list[Waiting]) -> None:
        milliseconds = int(time.time() * 1000)
        packable, commands = self._pack(batch)
        try:
            answers = await self._execute(commands)
        except Unavailable as error:
            # Writes that came since may continue these, so they fail as well.
            count = self._fail_all(error)
            logger.warning("Redis did not take %d writes: %s", count, error)
            return
        for (write, future), answer in zip(packable, answers, strict=True):
            self._settle(write, future, answer, milliseconds)

    def _pack(self, batch: list[Waiting]) -> tuple[list[Waiting], list[bytes]]:
        """Pack a batch's commands; an error of packing is a bug of that write's caller alone."""
        packable: list[Waiting] = []
        commands: list[bytes] = []
        for write, future in batch:
            try:
                commands.append(self._command(write))
            except Exception as error:
                _fail(future, error)
            else:
                packable.append((write, future))
        return packable, commands

    async def _execute(self, commands: list[bytes]) -> list[Any]:
        """The script's answers, in order; an answer may be an error."""
        answers = await self._client.execute_once(commands)
        missing = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if missing and len(missing) == len(answers) - missing[0]:
            # Only after a restart of Redis: nothing of these was carried out. When another process
            # loads the script meanwhile, those behind are, and it is too late for the others.
            for script in SHAS:
                await self._client.script_load(script)
            again = await self._execute([commands[at] for at in missing])
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
            _fail(future, unavailable(answer) if is_redis_state(answer) else answer)
            return
        try:
            last = write.answered(answer)
        except Refused as refused:
            _fail(future, refused)
            return
        first = last - len(write.events) + 1
        for number, event in enumerate(write.events, first):
            self._hub.deliver(write.log, (number, milliseconds, encode(event)))
        if not future.done():
            future.set_result(last)

    def _fail_all(self, error: Exception) -> int:
        """Fail all writes that are not done; how many they were."""
        left, self._in_flight, self._pending = self._in_flight + self._pending, [], []
        self._newest_of.clear()
        self._room.set()
        for _, future in left:
            _fail(future, error)
        return len(left)


def _fail(future: "asyncio.Future[int]", error: Exception) -> None:
    """Fail a write. Callers that emit deltas see it at their next write."""
    if not future.done():
        future.set_exception(error)
        future.exception()  # or asyncio logs that it was never retrieved
