"""The fence of an attempt at a run, and its lease: two workers never write one run.

The *fence* is the run's `attempt`: every write requires it, so that a worker that was replaced can
write nothing. The *lease* is a key that expires: while it is there, nobody else takes the run up,
so that its holder may touch the kernel, which knows no fence.
"""

import time
from typing import Any, NoReturn

from pybot.errors import Superseded, Unavailable
from pybot.services.records import Run, conversation_of
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client
from pybot.services.store.write import LOST, Refused, Word, Write

# The mark in a run's hash, and the label of a write that is refused for its sake.
CANCELLED = "cancelled"


class Fence:
    """The writes of one attempt.

    They raise Superseded once another attempt has begun, and Unavailable once a write has failed,
    or Redis has lost one: what is behind a gap would be of no use.
    """

    def __init__(self, appender: Appender, run: Run) -> None:
        self._appender = appender
        self._failure: Superseded | Unavailable | None = None
        # The newest entry that is known to be in the log.
        self.reached = 0
        self.begin(run)

    def begin(self, run: Run) -> None:
        """Begin the attempt that `run` is in."""
        self._run = run
        # Every write begins with it, and there is one for each token.
        self._fenced = Write.to_conversation(conversation_of(run.id)).fenced(run.id, run.attempt)

    @property
    def run_id(self) -> str:
        """The run."""
        return self._run.id

    def seal(self) -> None:
        """Refuse every later write."""
        self._failure = Superseded("This worker does not work on the run any more.")

    def write(self) -> Write:
        """A write that is refused unless this attempt goes on."""
        if self._failure is not None:
            raise self._failure
        write = self.write_though_sealed()
        write.reached = self.reached
        return write

    def write_though_sealed(self) -> Write:
        """A write that also a sealed fence allows: releasing the lease."""
        return self._fenced.without_changes()

    async def append(self, write: Write) -> None:
        """Carry a write out."""
        try:
            await self.append_alone(write)
        except Unavailable as error:
            self.fail(error)

    async def append_alone(self, write: Write, *, unless: str = "") -> bool:
        """Like `append`, but a failure does not seal the fence: no later write builds on this one.

        False when it is refused under the label `unless`.
        """
        try:
            self.reach(await self._appender.append(write))
        except Refused as refused:
            if refused.label == unless:
                return False
            self.fail(refused)
        return True

    def reach(self, number: int) -> None:
        """Note that an entry is in the log."""
        self.reached = max(self.reached, number)

    def fail(self, error: Refused | Unavailable) -> NoReturn:
        """Refuse all later writes with this error; raises it."""
        self._failure = _failure(error)
        raise self._failure from error


class Lease:
    """The lease of one attempt; it expires `seconds` after its last renewal."""

    def __init__(self, client: Client, fence: Fence, holder: str, seconds: float) -> None:
        self._client = client
        self._fence = fence
        self._key = keys.lease(fence.run_id)
        self._holder = holder
        self._seconds = seconds
        self._held_until = 0.0

    @property
    def is_held(self) -> bool:
        """Whether it has not expired since its last renewal, by this process's clock."""
        return time.monotonic() < self._held_until

    async def take(self, write: Write) -> None:
        """Take the run with a write; raises Superseded when another worker has it."""
        begun = time.monotonic()
        found: Any = await self._client.get(self._key)
        holder = (found or b"").decode()
        if holder not in ("", self._holder):
            raise Superseded("Another worker has the run.")
        await self._hold(write.require("lease", holder, "GET", self._key), begun)

    async def renew(self) -> None:
        """Renew the lease; raises Superseded when another attempt has begun."""
        await self._hold(self._fence.write(), time.monotonic())

    async def renew_unless_cancelled(self, *fields: Word) -> bool:
        """Like `renew`, with fields of the run's hash to set and their values.

        False, and nothing written, when the run was cancelled.
        """
        run = keys.run(self._fence.run_id)
        write = self._fence.write().require(CANCELLED, 0, "HGET", run, CANCELLED)
        write.do("HSET", run, *fields)
        return await self._hold(write, time.monotonic())

    async def release(self) -> None:
        """Delete the lease; raises Superseded when this attempt does not hold it."""
        self._held_until = 0.0
        write = self._fence.write_though_sealed().require("lease", self._holder, "GET", self._key)
        await self._fence.append_alone(write.do("DEL", self._key))

    async def _hold(self, write: Write, begun: float) -> bool:
        write.do("SET", self._key, self._holder, "PX", int(self._seconds * 1000)).even_when_full()
        if not await self._fence.append_alone(write, unless=CANCELLED):
            return False
        self._held_until = begun + self._seconds
        return True


def _failure(error: Refused | Unavailable) -> Superseded | Unavailable:
    if isinstance(error, Unavailable):
        return error
    if error.label == LOST:
        return Unavailable("Redis has lost what it had confirmed: check how it keeps its data.")
    return superseded(error)


def superseded(refused: Exception) -> Superseded:
    """The error for a worker whose run was taken up by another attempt."""
    return Superseded(f"The run is no longer this worker's: {refused}")
