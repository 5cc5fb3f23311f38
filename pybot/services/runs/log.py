"""Where a run writes, under its fence: deltas, phases, finished steps, and its end."""

import asyncio
from collections import deque
from typing import Any

import msgspec
from msgspec.structs import replace

from pybot.errors import NotFound, Superseded, Unavailable
from pybot.services.agent.ports import Outcome, Step, Suspension
from pybot.services.conversations.changes import Changes
from pybot.services.conversations.gate import Opened
from pybot.services.conversations.history import part_entries, push_command
from pybot.services.conversations.viewerlog import ViewerLog
from pybot.services.records import (
    Message,
    MessageStatus,
    Run,
    RunPhase,
    RunStatus,
    TokenUsage,
    Viewer,
    conversation_of,
)
from pybot.services.records.events import Event, MessageChanged, RunChanged
from pybot.services.runs.fence import CANCELLED, Fence, Lease, superseded
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client
from pybot.services.store.hashes import run_fields
from pybot.services.store.write import Refused, Word, Write
from pybot.services.values.instants import milliseconds, now


class RunLogs:
    """Makes the logs of runs; `lease` is how long a lease lasts, in seconds."""

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
    failed, or Redis has lost one. A new attempt then goes on.
    """

    def __init__(self, logs: RunLogs, viewer: Viewer, run: Run, holder: str) -> None:
        self._client = logs.client
        self._appender = logs.appender
        self._viewerlog = logs.viewerlog
        self._changes = logs.changes
        self._viewer = viewer
        self._conversation_id = conversation_of(run.id)
        self._key = keys.run(run.id)
        self._pending: deque[asyncio.Future[int]] = deque()
        self._fence = Fence(logs.appender, run)
        self.run = run
        self.usage = run.usage or TokenUsage()
        self.lease = Lease(logs.client, self._fence, holder, logs.lease)

    @property
    def has_lease(self) -> bool:
        """Whether the lease has not expired: no other worker can have taken the run up."""
        return self.lease.is_held

    def note_usage(self, usage: TokenUsage) -> None:
        """Note the tokens that the run has used so far; stored with the phase and the lease."""
        self.usage = usage

    def seal(self) -> None:
        """Refuse all later writes, since this worker stops.

        The next worker redoes what is not committed, as after a crash.
        """
        self._fence.seal()

    async def take_up(self) -> None:
        """Begin the next attempt; raises Superseded when another worker has the run."""
        before, key = self.run, self._key
        run = replace(
            before,
            status=RunStatus.IN_PROGRESS,
            phase=RunPhase.WAITING_FOR_MODEL,
            attempt=before.attempt + 1,
        )
        # Also when Redis is full, as all writes but text and phases: runs can end there.
        write = self._fence.write().even_when_full()
        # A run that ended or was suspended has the same attempt still.
        write.require("status", before.status, "HGET", key, "status")
        write.require("phase", before.phase or "", "HGET", key, "phase")
        write.do("HSET", key, *run_fields(run)).emit(RunChanged(run))
        if before.attempt > 0:
            write.skipping_numbers()
        await self.lease.take(write)
        self.run = run
        self._fence.begin(run)
        await self._viewerlog.append(self._viewer, RunChanged(run))

    async def renew_lease(self) -> bool:
        """Renew the lease, and store the tokens used so far; False when the run was cancelled."""
        return await self.lease.renew_unless_cancelled("usage", msgspec.json.encode(self.usage))

    async def emit(self, *events: Event) -> None:
        """Append events in order; deltas may wait and be merged."""
        while self._pending and self._pending[0].done():
            self._check(self._pending.popleft())
        latest = self._pending[-1] if self._pending else None
        future = await self._appender.put(self._fence.write().emit(*events), after=latest)
        if future is not latest:
            self._pending.append(future)

    async def flush(self) -> None:
        """Wait until everything that was emitted is in the log, and the run still held."""
        await self._settle()
        if not self.has_lease:
            await self.lease.renew()

    async def set_phase(self, phase: RunPhase) -> None:
        """Set and publish the phase; nothing happens when it is the same."""
        if phase is self.run.phase:
            return
        self.run = replace(self.run, phase=phase, usage=self.usage)
        write = self._fence.write()
        write.do("HSET", self._key, "phase", phase, "usage", msgspec.json.encode(self.usage))
        await self._append(write.emit(RunChanged(self.run)))

    async def commit(self, step: Step) -> None:
        """Write a finished part to the history, with the events that say so."""
        await self._settle()
        message = await self.message()
        entries = part_entries(message.id, self.run.id, step.part, step.observation or "")
        write = self._fence.write().even_when_full().emit(*step.events)
        write.do(*push_command(keys.history(self._conversation_id, message.branch), entries))
        await self._append(write)

    async def suspend(self, suspension: Suspension, *, until: int, worked: int) -> bool:
        """Let the run wait for a person, until a ms; False when it was cancelled.

        `worked` are the ms for which it was worked on. It has no lease then.
        """
        await self._settle()
        run, key = replace(self.run, phase=suspension.phase, usage=suspension.usage), self._key
        write = self._fence.write().require(CANCELLED, 0, "HGET", key, CANCELLED)
        waits: tuple[Word, ...] = ("suspended_until", until, "worked", worked, "decision", "")
        write.do("HSET", key, *run_fields(run), *waits, "written", suspension.written)
        write.do("DEL", keys.lease(run.id))
        if not await self._fence.append_alone(write.emit(RunChanged(run)), unless=CANCELLED):
            return False
        self.run = run
        return True

    async def end(self, outcome: Outcome) -> None:
        """End the run and its message, and free the conversation, all at once."""
        await self._settle()
        message = replace(
            await self.message(),
            status=MessageStatus(outcome.status.value),
            error=outcome.error,
            completed_at=now(),
        )
        run = replace(
            self.run,
            status=outcome.status,
            phase=None,
            error=outcome.error,
            usage=outcome.usage,
            completed_at=now(),
        )

        async def extend(_: Opened, write: Write, __: dict[str, Word]) -> None:
            write.even_when_full().fenced(run.id, run.attempt)
            write.reached = self._fence.reached
            write.do("HSET", self._key, *run_fields(run), "suspended_until", 0)
            encoded = msgspec.json.encode(message)
            write.do("HSET", keys.messages(self._conversation_id), message.id, encoded)
            write.do("DEL", keys.lease(run.id))
            write.emit(MessageChanged(message), RunChanged(run))

        fields: dict[str, Word] = {"active_run": "", "updated_at": milliseconds(now())}
        try:
            await self._changes.make(self._viewer, self._conversation_id, fields, extend)
        except Refused as refused:
            self._fence.fail(refused)
        except NotFound as gone:
            raise superseded(gone) from None
        self.run = run
        await self._client.zrem(keys.UNFINISHED_RUNS, run.id)

    async def message(self) -> Message:
        """The message that the run writes."""
        key = keys.messages(self._conversation_id)
        stored: Any = await self._client.hget(key, self.run.message_id)
        if stored is None:
            raise Superseded("The conversation was deleted.")
        return msgspec.json.decode(stored, type=Message)

    async def _append(self, write: Write) -> None:
        await self._settle()
        await self._fence.append(write)

    async def _settle(self) -> None:
        """Wait until everything that was emitted is in the log."""
        while self._pending:
            await asyncio.wait({self._pending[0]})
            self._check(self._pending.popleft())

    def _check(self, written: "asyncio.Future[int]") -> None:
        """Note the result of a finished write; raises its error."""
        error = written.exception()
        if isinstance(error, Refused | Unavailable):
            self._fence.fail(error)
        if error is not None:
            raise error
        self._fence.reach(written.result())
