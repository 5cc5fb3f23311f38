"""One worker's work on one run: until it ends, another worker takes it up, or this one stops."""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from aredis_om import NotFoundError

from pybot.errors import NotFound, Superseded, Unavailable
from pybot.logs import log_fields
from pybot.services.agent.ports import Outcome, Resumption, Suspension
from pybot.services.agent.waiting import uncancelled
from pybot.services.background.tasks import cancel_and_wait
from pybot.services.conversations.gate import Gate
from pybot.services.records import RunError, RunErrorCode, RunStatus, Viewer, conversation_of
from pybot.services.runs.log import FencedLog, RunLogs
from pybot.services.runs.suspension import Suspensions, resumption_of
from pybot.services.store import keys
from pybot.services.store.connection import Client
from pybot.services.store.hashes import Hashes

logger = logging.getLogger(__name__)

# A lease is renewed this often, or four times while it lasts; a cancellation of which no notice
# came is seen then.
RENEWAL_INTERVAL = 1.0
CANCEL_PATIENCE = 5.0  # seconds until a run that was cancelled, and goes on, is cancelled again
REDIS_PAUSE = 0.5  # seconds between two looks at a Redis that does not do its part
RELEASE_TIMEOUT = 3.0  # seconds that a worker which stops waits for Redis


class Answers(Protocol):
    """Writes answers (`answering.Answering`)."""

    async def answer(
        self, log: FencedLog, viewer: Viewer, resumption: Resumption
    ) -> Outcome | Suspension:
        """Write the answer of a run that was taken up."""
        ...

    async def entitle(self, viewer: Viewer, log: FencedLog) -> None:
        """Give the conversation of a run that has ended a title, if it has none."""
        ...


@dataclass(frozen=True)
class Workplace:
    """What working on a run takes."""

    client: Client
    hashes: Hashes
    gate: Gate
    run_logs: RunLogs
    suspensions: Suspensions
    answers: Answers


class Attempt:
    """The work on one run."""

    def __init__(self, run_id: str, workplace: Workplace) -> None:
        self.run_id = run_id
        self._client = workplace.client
        self._hashes = workplace.hashes
        self._gate = workplace.gate
        self._run_logs = workplace.run_logs
        self._suspensions = workplace.suspensions
        self._answers = workplace.answers
        self._holder = uuid4().hex
        self._log: FencedLog | None = None
        self._is_stopping = False
        self._is_over = False
        self._is_cancelled = False
        self._look_at_once = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether nobody needs to go on: the run has ended, waits for a person, or is another's."""
        return self._is_over or (self._log is not None and self._log.run.is_suspended)

    def look(self) -> None:
        """Look at once whether the run was cancelled."""
        self._look_at_once.set()

    def seal(self) -> None:
        """Write nothing more: the worker stops. What is finished is committed, kernels go on."""
        self._is_stopping = True
        if self._log is not None:
            self._log.seal()

    async def work(self) -> None:
        """Work on the run; what Redis interrupts is begun anew."""
        while not self._is_stopping:
            try:
                await self._once()
                self._is_over = not self._is_stopping
                return
            except Unavailable as error:
                logger.warning("run=%s is interrupted: %s", self.run_id, error)
            await asyncio.sleep(REDIS_PAUSE)

    async def _once(self) -> None:
        """Take the run up, and work on it; raises Unavailable when Redis fails meanwhile."""
        viewer = await self._gate.owner(conversation_of(self.run_id))
        stored = None
        with contextlib.suppress(NotFoundError):
            stored = await self._hashes.run.get(self.run_id)
        if viewer is None or stored is None:
            await self._forget()
            return
        if stored.suspended_until:
            return  # it was suspended while it was on the queue once more
        with log_fields(run=self.run_id, viewer=viewer.key):
            self._is_cancelled = bool(stored.cancelled)
            log = self._log = self._run_logs.of(viewer, stored.record(), self._holder)
            try:
                await self._take_up(log, viewer, resumption_of(stored))
            except (Superseded, NotFound) as superseded:
                if log.run.attempt > stored.attempt:
                    logger.info("run left to others: %s", superseded)
                else:
                    logger.debug("run not begun: %s", superseded)
                await self._forget_ended()
            if log.run.status.ended:
                await self._answers.entitle(viewer, log)

    async def _take_up(self, log: FencedLog, viewer: Viewer, resumption: Resumption) -> None:
        if log.run.status.ended:
            await self._forget()
            return
        try:
            await uncancelled(log.take_up())
            logger.info("run begun: attempt=%d", log.run.attempt)
            outcome = await self._outcome(log, viewer, resumption)
        except (asyncio.CancelledError, Superseded):
            if self._is_stopping:
                await uncancelled(self._release(log))
                raise
            if not self._is_cancelled:
                raise Superseded("Another attempt has begun.") from None
            outcome = Outcome(status=RunStatus.CANCELLED, usage=log.usage)
        if outcome is None:
            logger.info("run suspended: phase=%s", log.run.phase)
            return
        await uncancelled(log.end(outcome))
        logger.info(
            "run ended: status=%s error=%s", outcome.status, outcome.error and outcome.error.code
        )

    async def _outcome(
        self, log: FencedLog, viewer: Viewer, resumption: Resumption
    ) -> Outcome | None:
        """How the run ends once its answer is written; None when it waits for a person."""
        if self._is_cancelled:
            return Outcome(status=RunStatus.CANCELLED)
        begun = time.monotonic()
        result = await self._result(log, viewer, resumption)
        if isinstance(result, Outcome):
            return result
        worked = resumption.worked + time.monotonic() - begun
        return await uncancelled(self._suspensions.suspend(log, viewer, result, worked))

    async def _result(
        self, log: FencedLog, viewer: Viewer, resumption: Resumption
    ) -> Outcome | Suspension:
        """What comes of the work, while the lease is held."""
        task = asyncio.current_task()
        assert task is not None
        holding = asyncio.create_task(self._hold(log, task), name=f"lease {self.run_id}")
        try:
            return await self._answers.answer(log, viewer, resumption)
        except (Superseded, NotFound, Unavailable):
            raise
        except Exception:
            error_id = uuid4().hex[:12]
            logger.exception("a bug ended the run: id=%s", error_id)
            error = _internal_error(error_id)
            return Outcome(status=RunStatus.FAILED, error=error, usage=log.usage)
        finally:
            holding.cancel()

    async def _hold(self, log: FencedLog, task: asyncio.Task[None]) -> None:
        """Renew the lease; stop the work when another worker has the run, or it is cancelled."""
        interval = min(RENEWAL_INTERVAL, self._run_logs.lease / 4)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._look_at_once.wait()
            self._look_at_once.clear()
            try:
                if not await log.lease.renew_unless_cancelled():
                    self._is_cancelled = True
                    break
            except Superseded:
                log.seal()
                break
            except Unavailable as error:
                logger.debug("the lease is not renewed: %s", error)
        await cancel_and_wait(task, patience=CANCEL_PATIENCE)

    async def _release(self, log: FencedLog) -> None:
        """Let another worker take the run up at once."""
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT):
                await log.lease.release()
        except Superseded:
            pass  # it is not held
        except (Unavailable, TimeoutError) as error:
            logger.warning("the lease is not released: %s", str(error) or "Redis does not answer")

    async def _forget(self) -> None:
        await self._client.zrem(keys.UNFINISHED_RUNS, self.run_id)

    async def _forget_ended(self) -> None:
        """Forget a run whose conversation is gone, or that somebody else has ended."""
        with contextlib.suppress(NotFoundError):
            if not (await self._hashes.run.get(self.run_id)).record().status.ended:
                return
        await self._forget()


def _internal_error(error_id: str) -> RunError:
    """What the user sees of a bug: the ID under which the log has its traceback."""
    return RunError(
        code=RunErrorCode.INTERNAL,
        message=f"Something went wrong on our side. Try again, or report ID {error_id}.",
    )
