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
from pybot.services.background.tasks import cancel_and_wait, finish_despite_cancel
from pybot.services.conversations.gate import Gate
from pybot.services.records import RunError, RunErrorCode, RunStatus, Viewer, conversation_of
from pybot.services.runs.log import FencedLog, RunLogs
from pybot.services.runs.suspension import Suspensions, resumption_of
from pybot.services.store import keys
from pybot.services.store.client import Client
from pybot.services.store.hashes import Hashes

logger = logging.getLogger(__name__)

# Seconds between two renewals of a lease, a quarter of the lease at most. A renewal also finds a
# cancellation whose notice was lost.
RENEWAL_INTERVAL = 1.0
CANCEL_AGAIN_AFTER = 5.0  # seconds until a run that was cancelled, and goes on, is cancelled again
REDIS_PAUSE = 0.5  # seconds between two looks at a Redis that does not do its part
RELEASE_TIMEOUT = 3.0  # seconds that a worker which stops waits for Redis


class AnswerWriter(Protocol):
    """Writes the answer of a run (`answering.Answering`)."""

    async def answer(
        self, log: FencedLog, viewer: Viewer, resumption: Resumption
    ) -> Outcome | Suspension:
        """Write the answer of a run that was taken up."""
        ...

    async def give_title(self, viewer: Viewer, log: FencedLog) -> None:
        """Give the conversation of a run that has ended a title, if it has none."""
        ...


@dataclass(frozen=True)
class WorkerServices:
    """The services that an attempt uses."""

    client: Client
    hashes: Hashes
    gate: Gate
    run_logs: RunLogs
    suspensions: Suspensions
    answers: AnswerWriter


class Attempt:
    """The work of one worker on one run."""

    def __init__(self, run_id: str, worker_services: WorkerServices) -> None:
        self.run_id = run_id
        self._client = worker_services.client
        self._hashes = worker_services.hashes
        self._gate = worker_services.gate
        self._run_logs = worker_services.run_logs
        self._suspensions = worker_services.suspensions
        self._answers = worker_services.answers
        self._holder = uuid4().hex
        self._log: FencedLog | None = None
        self._is_stopping = False
        self._is_over = False
        self._is_cancelled = False
        self._check_now = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether this run need not be handed over: it has ended, is suspended or is another's."""
        return self._is_over or (self._log is not None and self._log.run.is_suspended)

    def check_cancelled(self) -> None:
        """Check now, not at the next renewal of the lease, whether the run was cancelled."""
        self._check_now.set()

    def seal(self) -> None:
        """Write nothing more, since the worker stops: committed parts stay, kernels go on."""
        self._is_stopping = True
        if self._log is not None:
            self._log.seal()

    async def work(self) -> None:
        """Work on the run; after an outage of Redis, from what is committed."""
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
            await self._unlist_unfinished()
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
                    logger.info("run taken over by another attempt: %s", superseded)
                else:
                    logger.debug("run not taken up: %s", superseded)
                await self._unlist_if_ended()
            if log.run.status.ended:
                await self._answers.give_title(viewer, log)

    async def _take_up(self, log: FencedLog, viewer: Viewer, resumption: Resumption) -> None:
        if log.run.status.ended:
            await self._unlist_unfinished()
            return
        try:
            await finish_despite_cancel(log.take_up())
            logger.info("run taken up: attempt=%d", log.run.attempt)
            outcome = await self._outcome(log, viewer, resumption)
        except (asyncio.CancelledError, Superseded):
            if self._is_stopping:
                await finish_despite_cancel(self._release(log))
                raise
            if not self._is_cancelled:
                raise Superseded("Another attempt has begun.") from None
            outcome = Outcome(status=RunStatus.CANCELLED, usage=log.usage)
        if outcome is None:
            logger.info("run suspended: phase=%s", log.run.phase)
            return
        await finish_despite_cancel(log.end(outcome))
        logger.info(
            "run ended: status=%s error=%s", outcome.status, outcome.error and outcome.error.code
        )

    async def _outcome(
        self, log: FencedLog, viewer: Viewer, resumption: Resumption
    ) -> Outcome | None:
        """How the run ended; None when it was suspended."""
        if self._is_cancelled:
            return Outcome(status=RunStatus.CANCELLED, usage=log.usage)
        begun = time.monotonic()
        result = await self._result(log, viewer, resumption)
        if isinstance(result, Outcome):
            return result
        worked = resumption.worked + time.monotonic() - begun
        return await finish_despite_cancel(self._suspensions.suspend(log, viewer, result, worked))

    async def _result(
        self, log: FencedLog, viewer: Viewer, resumption: Resumption
    ) -> Outcome | Suspension:
        """The result of the agent; meanwhile the lease is renewed."""
        task = asyncio.current_task()
        assert task is not None
        holding = asyncio.create_task(self._keep_lease(log, task), name=f"lease {self.run_id}")
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

    async def _keep_lease(self, log: FencedLog, task: asyncio.Task[None]) -> None:
        """Renew the lease; cancel `task` when another worker has the run, or it was cancelled."""
        interval = min(RENEWAL_INTERVAL, self._run_logs.lease / 4)
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._check_now.wait()
            self._check_now.clear()
            try:
                if not await log.renew_lease():
                    self._is_cancelled = True
                    break
            except Superseded:
                log.seal()
                break
            except Unavailable as error:
                logger.debug("the lease is not renewed: %s", error)
        await cancel_and_wait(task, again_after=CANCEL_AGAIN_AFTER)

    async def _release(self, log: FencedLog) -> None:
        """Release the lease, so that another worker can take the run up at once."""
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT):
                await log.lease.release()
        except Superseded:
            pass  # it is not held
        except (Unavailable, TimeoutError) as error:
            logger.warning("the lease is not released: %s", str(error) or "Redis does not answer")

    async def _unlist_unfinished(self) -> None:
        """Take the run off repair's list."""
        await self._client.zrem(keys.UNFINISHED_RUNS, self.run_id)

    async def _unlist_if_ended(self) -> None:
        """Take a run off repair's list when it has ended, or its conversation was deleted."""
        with contextlib.suppress(NotFoundError):
            if not (await self._hashes.run.get(self.run_id)).record().status.ended:
                return
        await self._unlist_unfinished()


def _internal_error(error_id: str) -> RunError:
    """What the user sees of a bug: the ID under which the log has its traceback."""
    return RunError(
        code=RunErrorCode.INTERNAL,
        message=f"Something went wrong on our side. Try again, or report ID {error_id}.",
    )
