"""Where a run writes, under its fence: deltas, phases, finished steps, and its end.

Two things keep workers apart. The *fence* is the run's `attempt`: every write requires it, so that
a worker that was replaced can write nothing. The *lease* is a key that expires: while it is there,
nobody else takes the run up, so that its holder may touch the kernel, which knows no fence.
"""

import asyncio
import time
from collections import deque
from typing import Any, NoReturn

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from pybot.errors import NotFound, Superseded, Unavailable
from pybot.services.agent.ports import Step
from pybot.services.conversations.changes import Changes
from pybot.services.conversations.gate import Opened
from pybot.services.conversations.history import part_entries, pushed
from pybot.services.conversations.viewerlog import ViewerLog
from pybot.services.events import Event, MessageChanged, RunChanged
from pybot.services.hashes import run_fields
from pybot.services.instants import milliseconds, now
from pybot.services.records import (
    Message,
    MessageStatus,
    Run,
    RunError,
    RunPhase,
    RunStatus,
    TokenUsage,
    Viewer,
    conversation_of,
)
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.connection import Client
from pybot.services.store.write import LOST, Refused, Word, Write

LEASE_MARGIN = 0.02  # seconds
CANCELLED = "cancelled"


class End(Struct, frozen=True, kw_only=True):
    """How a run ends."""

    status: RunStatus
    error: RunError | None = None
    usage: TokenUsage = TokenUsage()


class RunLogs:
    """Makes the logs of runs. A lease of theirs lasts `lease` seconds."""

    def __init__(
        self,
        client: Client,
        appender: Appender,
        viewerlog: ViewerLog,
        changes: Changes,
        *,
        lease: float,
    ) -> None:
        self.client = client
        self.appender = appender
        self.viewerlog = viewerlog
        self.changes = changes
        self.lease = lease

    def of(self, viewer: Viewer, run: Run, holder: str = "") -> "FencedLog":
        """The log of a run as its `attempt` may write it; `holder` names who takes it up."""
        return FencedLog(self, viewer, run, holder)


class FencedLog:
    """The log of one attempt at a run.

    Everything raises Superseded once another attempt has begun, and Unavailable once a write has
    failed, or Redis has lost one: what is behind a gap would be of no use. A new attempt then goes
    on.
    """

    def __init__(self, logs: RunLogs, viewer: Viewer, run: Run, holder: str) -> None:
        self._client = logs.client
        self._appender = logs.appender
        self._viewerlog = logs.viewerlog
        self._changes = logs.changes
        self._lease = logs.lease
        self._held_until = 0.0
        self._viewer = viewer
        self._holder = holder
        self._conversation_id = conversation_of(run.id)
        self._pending: deque[asyncio.Future[int]] = deque()
        self._failure: Superseded | Unavailable | None = None
        self._reached = 0
        self.run = run
        self.usage = TokenUsage()
        self._fenced = self._under_fence()

    @property
    def holds(self) -> bool:
        """Whether nobody else can have taken the run up, as far as is known without asking."""
        return time.monotonic() < self._held_until

    def note_usage(self, usage: TokenUsage) -> None:
        """Note the tokens that this attempt has used so far."""
        self.usage = usage

    def seal(self) -> None:
        """Write nothing more: this worker stops, and the next one goes on from here.

        What is not committed is redone by it, as after a crash, so that no half text is kept.
        """
        self._failure = Superseded("This worker does not work on the run any more.")

    async def until_free(self) -> None:
        """Wait while another worker's lease lasts, unless it is renewed.

        The queue may give the run up a little before the lease ends.
        """
        key = keys.lease(self.run.id)
        if await self._client.get(key) not in (None, self._holder.encode()):
            left: int = await self._client.pttl(key)
            await asyncio.sleep(max(left, 0) / 1000 + LEASE_MARGIN)

    async def take_up(self) -> None:
        """Begin the next attempt; raises Superseded when another worker has the run."""
        run = replace(
            self.run,
            status=RunStatus.IN_PROGRESS,
            phase=RunPhase.WAITING_FOR_MODEL,
            attempt=self.run.attempt + 1,
        )
        begun, key = time.monotonic(), keys.lease(run.id)
        holder: Any = await self._client.get(key)
        if holder is not None and holder.decode() != self._holder:
            raise Superseded("Another worker has the run.")
        write = self._write().require("lease", (holder or b"").decode(), "GET", key)
        # Its attempt stays what it was when it ends, also while somebody waits for its lease.
        write.require("status", self.run.status.value, "HGET", keys.run(run.id), "status")
        write.do("HSET", keys.run(run.id), *run_fields(run)).do(*self._held())
        if self.run.attempt > 0:
            write.leaping()
        await self._append(write.emit(RunChanged(run)))
        self.run, self._held_until = run, begun + self._lease
        self._fenced = self._under_fence()
        await self._viewerlog.append(self._viewer, RunChanged(run))

    async def renew(self) -> None:
        """Keep the lease; raises Superseded when another attempt has begun."""
        try:
            await self._hold(self._write())
        except Refused as refused:
            self._fail(refused)

    async def keep(self) -> bool:
        """Keep the lease of a run that goes on; False when it was cancelled.

        Raises Superseded when another attempt has begun.
        """
        write = self._write().require(CANCELLED, 0, "HGET", keys.run(self.run.id), CANCELLED)
        try:
            await self._hold(write)
        except Refused as refused:
            if refused.label == CANCELLED:
                return False
            self._fail(refused)
        return True

    async def release(self) -> None:
        """Let others take the run up at once."""
        self._held_until = 0.0
        write = self._fenced.again().do("DEL", keys.lease(self.run.id))
        try:
            await self._appender.append(write)
        except Refused as refused:
            self._fail(refused)

    async def emit(self, *events: Event) -> None:
        """Append events in order; deltas may wait and be merged."""
        while self._pending and self._pending[0].done():
            self._check(self._pending.popleft())
        latest = self._pending[-1] if self._pending else None
        future = await self._appender.put(self._write().emit(*events), after=latest)
        if future is not latest:
            self._pending.append(future)

    async def flush(self) -> None:
        """Wait until everything that was emitted is in the log, and the run still held."""
        await self._settle()
        if not self.holds:
            await self.renew()

    async def phase(self, phase: RunPhase) -> None:
        """Say what the run is doing."""
        if phase is self.run.phase:
            return
        self.run = replace(self.run, phase=phase)
        write = self._write().do("HSET", keys.run(self.run.id), "phase", phase)
        await self._append(write.emit(RunChanged(self.run)))

    async def commit(self, step: Step) -> None:
        """Write a finished part to the history, with the events that say so."""
        await self._settle()
        message = await self.message()
        entries = part_entries(message.id, self.run.id, step.part, step.observation or "")
        write = self._write().emit(*step.events)
        write.do(*pushed(keys.history(self._conversation_id, message.branch), entries))
        await self._append(write)

    async def end(self, end: End) -> None:
        """End the run and its message, and free the conversation, all at once."""
        await self._settle()
        message = replace(
            await self.message(),
            status=MessageStatus(end.status.value),
            error=end.error,
            completed_at=now(),
        )
        run = replace(
            self.run,
            status=end.status,
            phase=None,
            error=end.error,
            usage=end.usage,
            completed_at=now(),
        )

        async def extend(_: Opened, write: Write, __: dict[str, Word]) -> None:
            write.even_when_full().fenced(run.id, run.attempt)
            write.reached = self._reached
            write.do("HSET", keys.run(run.id), *run_fields(run))
            encoded = msgspec.json.encode(message)
            write.do("HSET", keys.messages(self._conversation_id), message.id, encoded)
            write.do("DEL", keys.lease(run.id))
            write.emit(MessageChanged(message), RunChanged(run))

        fields: dict[str, Word] = {"active_run": "", "updated_at": milliseconds(now())}
        try:
            await self._changes.make(self._viewer, self._conversation_id, fields, extend)
        except Refused as refused:
            self._fail(refused)
        except NotFound as gone:
            raise _superseded(gone) from None
        self.run = run
        await self._viewerlog.append(self._viewer, RunChanged(run))
        await self._client.zrem(keys.UNFINISHED_RUNS, run.id)

    async def message(self) -> Message:
        """The message that the run writes."""
        key = keys.messages(self._conversation_id)
        stored: Any = await self._client.hget(key, self.run.message_id)
        if stored is None:
            raise Superseded("The conversation was deleted.")
        return msgspec.json.decode(stored, type=Message)

    async def _hold(self, write: Write) -> None:
        begun = time.monotonic()
        self._reach(await self._appender.append(write.do(*self._held())))
        self._held_until = begun + self._lease

    def _write(self) -> Write:
        if self._failure is not None:
            raise self._failure
        write = self._fenced.again()
        write.reached = self._reached
        return write

    def _under_fence(self) -> Write:
        """What every write of this attempt begins with; there is one for each token."""
        write = Write.to_conversation(self._conversation_id)
        return write.fenced(self.run.id, self.run.attempt)

    def _held(self) -> tuple[Word, ...]:
        """The command that takes the lease, or keeps it."""
        return ("SET", keys.lease(self.run.id), self._holder, "PX", int(self._lease * 1000))

    async def _append(self, write: Write) -> None:
        await self._settle()
        try:
            self._reach(await self._appender.append(write))
        except (Refused, Unavailable) as error:
            self._fail(error)

    async def _settle(self) -> None:
        """Wait until everything that was emitted is in the log."""
        while self._pending:
            await asyncio.wait({self._pending[0]})
            self._check(self._pending.popleft())

    def _check(self, written: "asyncio.Future[int]") -> None:
        error = written.exception()
        if isinstance(error, Refused | Unavailable):
            self._fail(error)
        if error is not None:
            raise error
        self._reach(written.result())

    def _reach(self, number: int) -> None:
        self._reached = max(self._reached, number)

    def _fail(self, error: Refused | Unavailable) -> NoReturn:
        """Refuse everything from now on."""
        self._failure = _failure(error)
        raise self._failure from error


def _failure(error: Refused | Unavailable) -> Superseded | Unavailable:
    if isinstance(error, Unavailable):
        return error
    if error.label == LOST:
        return Unavailable("Redis has lost what it had confirmed: check how it keeps its data.")
    return _superseded(error)


def _superseded(refused: Exception) -> Superseded:
    return Superseded(f"The run is no longer this worker's: {refused}")
