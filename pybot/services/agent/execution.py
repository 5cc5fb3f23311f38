"""One cell while the kernel runs it, from the first reaction to the committed outputs."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from msgspec.structs import replace

from pybot.errors import PybotError, Superseded, Unavailable
from pybot.services.agent.answer import Answer
from pybot.services.agent.failures import failed, kernel_ended_by_user
from pybot.services.agent.observations import observe
from pybot.services.agent.output_recorder import OutputRecorder
from pybot.services.agent.ports import RunKernel, RunLog
from pybot.services.agent.streams import closing
from pybot.services.background.tasks import cancel_and_wait, finish_despite_cancel, log_failure
from pybot.services.kernels.base import (
    Done,
    KernelDied,
    KernelEndedByUser,
    KernelUnavailable,
    Raised,
    Reaction,
    Started,
)
from pybot.services.records import Cell, CellStatus, RunErrorCode
from pybot.services.values.instants import now

GRACE = 5.0  # seconds
# Seconds to wait for the reactions of a restarted kernel to end: they do so soon, or never.
_AFTER_RESTART = 1.0
# Seconds. A cancelled run has a second in all: check the fence, interrupt, wait for last outputs.
_CONFIRM_TIMEOUT = 0.2
_INTERRUPT_TIMEOUT = 0.5
_LAST_OUTPUTS = 0.2

LOST = "the server that followed this code was lost; what the code did since is not known"

logger = logging.getLogger(__name__)


class Execution:
    """Follows the execution of one cell by its `reactions`; call `run` once.

    `before` is the kernel's generation in the cell before, `grace` how many seconds interrupted
    code may take to end before its kernel is restarted.
    """

    def __init__(
        self,
        cell: Cell,
        reactions: AsyncIterator[Reaction],
        kernel: RunKernel,
        log: RunLog,
        answer: Answer,
        recorder: OutputRecorder,
        *,
        before: int | None,
        grace: float = GRACE,
    ) -> None:
        self._cell = cell
        self._reactions = reactions
        self._is_done = False
        self._kernel = kernel
        self._log = log
        self._answer = answer
        self._recorder = recorder
        self._before = before
        self._grace = grace
        self._status = CellStatus.INTERRUPTED
        self._is_interrupted = False
        self._was_restarted = False

    async def run(self, timeout: float) -> None:
        """Run the cell for `timeout` seconds at most and commit it.

        Raises RunNotCompleted when the kernel is lost. When the task is cancelled, the kernel is
        interrupted and the cell committed as it is.
        """
        pump = asyncio.create_task(self._pump(), name=f"pump of {self._cell.id}")
        try:
            await asyncio.wait({pump}, timeout=timeout)
            if not pump.done():
                await self._stop_at_limit(pump, timeout)
        except asyncio.CancelledError:
            await finish_despite_cancel(self._commit_cancelled(pump))
            raise
        await self._settle(pump)

    async def _pump(self) -> None:
        """Record reactions until the kernel is done with the code."""
        async with closing(self._reactions) as reactions:
            async for reaction in reactions:
                events = await self._recorder.take(reaction)
                if events:
                    await self._log.emit(*events)
                await self._follow(reaction)

    async def _follow(self, reaction: Reaction) -> None:
        """Update the cell's status and count."""
        self._is_done = self._is_done or isinstance(reaction, Done)
        match reaction:
            case Started():
                self._cell = replace(
                    self._cell,
                    execution_count=reaction.execution_count,
                    revision=self._recorder.revision,
                )
                await self._answer.change_cell(self._cell)
            case Raised():
                self._is_interrupted = reaction.ename == "KeyboardInterrupt"
            case Done(status="ok"):
                self._status = CellStatus.COMPLETED
            case Done(status="error") if not self._is_interrupted:
                self._status = CellStatus.FAILED
            case _:
                pass

    async def _stop_at_limit(self, pump: asyncio.Task[None], timeout: float) -> None:
        """Interrupt code that ran into its time limit; restart the kernel if it goes on."""
        if not await self._is_ours():
            await cancel_and_wait(pump, again_after=GRACE)
            raise Superseded("Another worker runs this cell's kernel.")
        await interrupt(self._kernel)
        await asyncio.wait({pump}, timeout=self._grace)
        text = f"stopped after {timeout:g} seconds, the longest that code may run"
        if not pump.done():
            self._was_restarted = True
            with contextlib.suppress(KernelDied, KernelUnavailable):
                await self._kernel.restart()
            await asyncio.wait({pump}, timeout=_AFTER_RESTART)
            await cancel_and_wait(pump, again_after=GRACE)
            text += "; the kernel had to be restarted, its variables are lost"
        await self._log.emit(*await self._recorder.note("ExecutionTimeout", text))
        self._status = CellStatus.INTERRUPTED

    async def _settle(self, pump: asyncio.Task[None]) -> None:
        """Commit the cell, and raise RunNotCompleted where the kernel was lost."""
        error = None if pump.cancelled() else pump.exception()
        match error:
            case None if self._is_done or pump.cancelled():
                await self._commit()
            case None:
                await self._commit_lost("WorkerLost", LOST)
            case KernelEndedByUser():
                text = f"the user {error.action} the kernel while it ran this code"
                await self._commit_lost("KernelRestarted", f"{text}; its variables are lost")
                raise kernel_ended_by_user(error) from error
            case KernelDied() if self._was_restarted:
                await self._commit()  # it was stopped for its time limit, and the model goes on
            case KernelDied():
                text = "the kernel died while it ran this code; its variables are lost"
                await self._commit_lost("KernelDied", text)
                message = (
                    "The kernel died while it ran the code, often for want of memory. "
                    "Its variables are lost; trying again starts a new one."
                )
                raise failed(RunErrorCode.KERNEL_DIED, message) from error
            case KernelUnavailable():
                await self._commit_lost("KernelUnavailable", str(error))
                raise failed(RunErrorCode.KERNEL_UNAVAILABLE, str(error)) from error
            case Superseded() | Unavailable():
                raise error  # another attempt follows the code
            case _:
                if self._log.has_lease:
                    await interrupt(self._kernel)
                await self._commit()
                raise error

    async def _commit_lost(self, name: str, text: str) -> None:
        """Commit the cell as interrupted, with an error output that says why."""
        self._status = CellStatus.INTERRUPTED
        await self._log.emit(*await self._recorder.note(name, text))
        await self._commit()

    async def _commit(self) -> None:
        events = await self._recorder.end()
        cell = replace(
            self._cell,
            status=self._status,
            outputs=self._recorder.outputs,
            revision=self._recorder.revision,
            completed_at=now(),
        )
        await self._answer.end_cell(cell, events, observe(cell, self._before))

    async def _commit_cancelled(self, pump: asyncio.Task[None]) -> None:
        """Interrupt the kernel and commit the cell; raises Superseded when the run is another's."""
        if not await self._is_ours():
            await cancel_and_wait(pump, again_after=GRACE)
            raise Superseded("The run is no longer this worker's.")
        if not pump.done():
            await interrupt(self._kernel, _INTERRUPT_TIMEOUT)
            await asyncio.wait({pump}, timeout=_LAST_OUTPUTS)
            await cancel_and_wait(pump, again_after=GRACE)
            self._status = CellStatus.INTERRUPTED
        elif not pump.cancelled() and isinstance(pump.exception(), Superseded):
            raise Superseded("The run is no longer this worker's.")
        else:
            log_failure(pump, expected=(KernelDied, KernelUnavailable, PybotError))
        await self._commit()

    async def _is_ours(self) -> bool:
        """Whether the run is still this attempt's, by its fence; by its lease when Redis is slow.

        The cell's state is published again, since only a write is checked by the fence.
        """
        try:
            await asyncio.wait_for(self._confirm(), _CONFIRM_TIMEOUT)
        except Superseded:
            return False
        except Exception as error:  # a log out of reach does not say whose the run is
            logger.warning(
                "interrupting the kernel of %s without asking Redis: %r", self._cell.id, error
            )
            return self._log.has_lease
        return True

    async def _confirm(self) -> None:
        current = replace(self._cell, revision=self._recorder.revision)
        await self._answer.change_cell(current)
        await self._log.flush()


async def interrupt(kernel: RunKernel, timeout: float = GRACE) -> None:
    """Interrupt a kernel; give up after `timeout` seconds."""
    with contextlib.suppress(KernelDied, KernelUnavailable, TimeoutError):
        await asyncio.wait_for(kernel.interrupt(), timeout)
