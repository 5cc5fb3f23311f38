"""The worker: takes runs off the queue, has them answered, and hands them over when it stops."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from uuid import uuid4

from aredis_om import NotFoundError

from pybot.errors import NotFound, Superseded, Unavailable
from pybot.logs import log_fields
from pybot.services.agent.waiting import uncancelled
from pybot.services.answering import Answering
from pybot.services.conversations.gate import Gate
from pybot.services.hashes import Hashes
from pybot.services.queue import RunQueue
from pybot.services.records import RunError, RunErrorCode, RunStatus, Viewer, conversation_of
from pybot.services.runlog import CANCELLED, End, FencedLog, RunLogs
from pybot.services.store import keys
from pybot.services.store.connection import Client
from pybot.services.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

# A lease is renewed this often, or four times while it lasts; a cancellation that the queue has
# lost is seen then.
RENEWAL_INTERVAL = 1.0
REDIS_PAUSE = 0.5  # seconds between two looks at a Redis that does not do its part
HAND_OVER_TIMEOUT = 3.0  # seconds that a worker which stops waits for Redis


class RunWorker:
    """Works on runs, one task each."""

    def __init__(
        self,
        client: Client,
        hashes: Hashes,
        gate: Gate,
        run_logs: RunLogs,
        answering: Answering,
        *,
        concurrency: int,
    ) -> None:
        self._client = client
        self._hashes = hashes
        self._gate = gate
        self._run_logs = run_logs
        self._answering = answering
        self._concurrency = concurrency
        self._tasks: set[asyncio.Task[None]] = set()
        self._logs: set[FencedLog] = set()
        self._handled: set[asyncio.Future[None]] = set()
        self._is_stopping = False
        self._left: set[str] = set()

    @contextlib.asynccontextmanager
    async def working(self, queue: RunQueue) -> AsyncGenerator[None]:
        """Take runs off the queue while the context is open; at its end they are handed over."""
        try:
            async with queue.working(
                self._handle,
                self._forget,
                concurrency=self._concurrency,
                lease=self._run_logs.lease,
            ) as stop_taking:
                try:
                    yield
                finally:
                    self._is_stopping = True
                    stop_taking()
                    await self._stop()
        finally:
            await self._hand_over(queue)

    async def _stop(self) -> None:
        """Leave all runs as they are: finished steps are committed, kernels go on."""
        for log in self._logs:
            log.seal()
        await cancel_and_wait(*self._tasks)

    async def _hand_over(self, queue: RunQueue) -> None:
        """Put the runs back, once the queue knows that their tasks here have ended."""
        try:
            async with asyncio.timeout(HAND_OVER_TIMEOUT):
                for run_id in self._left:
                    await queue.add(run_id)
                    logger.info("run=%s handed over", run_id)
        except (Unavailable, TimeoutError) as error:
            logger.warning("runs wait for repair: %s", str(error) or "Redis does not answer")

    async def _handle(self, run_id: str) -> None:
        """The task of the queue."""
        if self._note_if_left(run_id):
            return
        task = asyncio.create_task(self._work(run_id), name=f"run {run_id}")
        self._tasks.add(task)
        handled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task.add_done_callback(lambda _: self._ended(task, run_id, handled))
        self._handled.add(handled)
        try:
            await handled
        except asyncio.CancelledError:
            task.cancel()  # it then decides how it ends
            await asyncio.wait({task})
        finally:
            self._handled.discard(handled)

    def detach(self) -> None:
        """Let the queue's tasks end while the runs go on under their leases.

        After an outage the queue takes no new runs before all its tasks have ended.
        """
        for handled in self._handled:
            if not handled.done():
                handled.set_result(None)

    def _ended(self, task: asyncio.Task[None], run_id: str, handled: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        self._note_if_left(run_id)
        if not handled.done():
            handled.set_result(None)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("run=%s is left for repair", run_id, exc_info=error)

    def _note_if_left(self, run_id: str) -> bool:
        if self._is_stopping:
            self._left.add(run_id)
        return self._is_stopping

    async def _work(self, run_id: str) -> None:
        """Work on a run until it ends, another worker takes it up, or this one stops."""
        holder = uuid4().hex
        while not self._is_stopping:
            try:
                await self._attempt(run_id, holder)
                return
            except Unavailable as error:
                logger.warning("run=%s is interrupted: %s", run_id, error)
            await asyncio.sleep(REDIS_PAUSE)

    async def _attempt(self, run_id: str, holder: str) -> None:
        """Take a run up, and work on it; raises Unavailable when Redis fails meanwhile."""
        try:
            stored = await self._hashes.run.get(run_id)
        except NotFoundError:
            await self._forget(run_id)
            return
        viewer = await self._gate.owner(conversation_of(run_id))
        if viewer is None:
            await self._forget(run_id)
            return
        with log_fields(run=run_id, viewer=viewer.key):
            log = self._run_logs.of(viewer, stored.record(), holder)
            self._logs.add(log)
            try:
                await log.until_free()
                await self._take_up(log, viewer)
            except (Superseded, NotFound) as superseded:
                logger.info("run left to others: %s", superseded)
                await self._forget_ended(run_id)
            finally:
                self._logs.discard(log)
            if log.run.status.ended:
                await self._answering.entitle(viewer, log)

    async def _take_up(self, log: FencedLog, viewer: Viewer) -> None:
        if log.run.status.ended:
            await self._forget(log.run.id)
            return
        await log.take_up()
        logger.info("run begun: attempt=%d", log.run.attempt)
        try:
            end = await self._end(log, viewer)
        except (asyncio.CancelledError, Superseded):
            if self._is_stopping:
                await uncancelled(self._leave(log))
                raise
            if not await self._is_cancelled(log.run.id):
                raise Superseded("Another attempt has begun.") from None
            end = End(status=RunStatus.CANCELLED, usage=log.usage)
        await uncancelled(log.end(end))
        logger.info("run ended: status=%s error=%s", end.status, end.error and end.error.code)

    async def _end(self, log: FencedLog, viewer: Viewer) -> End:
        """How the run ends once its answer is written."""
        if await self._is_cancelled(log.run.id):
            return End(status=RunStatus.CANCELLED)
        task = asyncio.current_task()
        assert task is not None
        keeping = asyncio.create_task(self._keep(log, task), name=f"lease {log.run.id}")
        try:
            return await self._answering.answer(log, viewer)
        except (Superseded, NotFound, Unavailable):
            raise
        except Exception:
            error_id = uuid4().hex[:12]
            logger.exception("a bug ended the run: id=%s", error_id)
            return End(status=RunStatus.FAILED, error=_internal_error(error_id), usage=log.usage)
        finally:
            keeping.cancel()

    async def _keep(self, log: FencedLog, task: asyncio.Task[None]) -> None:
        """Keep the lease; stop the run when another worker has it, or when it is cancelled."""
        while True:
            await asyncio.sleep(min(RENEWAL_INTERVAL, self._run_logs.lease / 4))
            try:
                if not await log.keep():
                    break
            except Superseded:
                log.seal()
                break
            except Unavailable as error:
                logger.debug("the lease is not renewed: %s", error)
        task.cancel()

    async def _leave(self, log: FencedLog) -> None:
        """Leave a run that goes on elsewhere."""
        try:
            async with asyncio.timeout(HAND_OVER_TIMEOUT):
                await log.release()
        except (Superseded, Unavailable, TimeoutError) as error:
            logger.warning("the lease is not released: %s", str(error) or "Redis does not answer")

    async def _is_cancelled(self, run_id: str) -> bool:
        cancelled = await self._client.hget(keys.run(run_id), CANCELLED)
        return cancelled == b"1"

    async def _forget(self, run_id: str) -> None:
        await self._client.zrem(keys.UNFINISHED_RUNS, run_id)

    async def _forget_ended(self, run_id: str) -> None:
        """Forget a run whose conversation is gone, or that somebody else has ended."""
        with contextlib.suppress(NotFoundError):
            if not (await self._hashes.run.get(run_id)).record().status.ended:
                return
        await self._forget(run_id)


def _internal_error(error_id: str) -> RunError:
    """What the user sees of a bug: the ID under which the log has its traceback."""
    return RunError(
        code=RunErrorCode.INTERNAL,
        message=f"Something went wrong on our side. Try again, or report ID {error_id}.",
    )
