"""Runs the cells of an answer on the kernel, which is started while the model still writes."""

import asyncio
from collections.abc import AsyncIterator

from msgspec.structs import replace

from pybot.config import LimitSettings
from pybot.services.agent.answer import Answer
from pybot.services.agent.execution import LOST, Execution
from pybot.services.agent.failures import failed, kernel_ended_by_user
from pybot.services.agent.observations import observe
from pybot.services.agent.output_recorder import OutputRecorder
from pybot.services.agent.ports import BlobStore, RunKernel, RunLog
from pybot.services.background.tasks import cancel_and_wait
from pybot.services.kernels.base import (
    KernelDied,
    KernelEndedByUser,
    KernelUnavailable,
    Printed,
    Reaction,
)
from pybot.services.records import Cell, CellStatus, ErrorOutput, RunErrorCode, RunPhase, StreamName
from pybot.services.records.events import OutputChanged
from pybot.services.values.instants import now

# Seconds; a start that is quicker gets no phase of its own.
_QUICK_START = 0.05
_MISSING = "[The server that followed this code was lost: outputs since may be missing.]\n"


class Executor:
    """Runs the cells of one answer, one after the other.

    `before` is the kernel's generation in the newest cell that ran.
    """

    def __init__(
        self,
        kernel: RunKernel,
        log: RunLog,
        blobs: BlobStore,
        answer: Answer,
        *,
        limits: LimitSettings,
        cell_timeout: float,
        grace: float,
        before: int | None,
    ) -> None:
        self._kernel = kernel
        self._log = log
        self._blobs = blobs
        self._answer = answer
        self._limits = limits
        self._cell_timeout = cell_timeout
        self._grace = grace
        self._before = before
        self._starting: asyncio.Task[int] | None = None

    def prepare(self) -> None:
        """Begin to start the kernel, while the model still writes the code."""
        if self._starting is None and self._log.has_lease:
            self._starting = asyncio.create_task(self._kernel.ensure_started())

    async def aclose(self) -> None:
        """Cancel a start in progress."""
        starting, self._starting = self._starting, None
        if starting is not None:
            await cancel_and_wait(starting)

    async def run(self, cell: Cell) -> None:
        """Run a cell and commit it. Raises RunNotCompleted when no kernel runs it to its end."""
        await self._answer.change_cell(replace(cell, status=CellStatus.QUEUED))
        await self._log.flush()
        generation = await self._start()
        running = replace(
            cell, status=CellStatus.RUNNING, kernel_generation=generation, started_at=now()
        )
        await self._answer.change_cell(running)
        await self._log.set_phase(RunPhase.EXECUTING)
        await self._log.flush()
        reactions = self._kernel.execute(cell.source, message_id=cell.id)
        recorder = OutputRecorder(cell.id, cell.revision, blobs=self._blobs, limits=self._limits)
        execution = self._execution(running, reactions, recorder)
        await execution.run(self._cell_timeout)

    async def follow_lost_cell(self, cell: Cell) -> None:
        """Follow the cell that a lost worker had started, and commit it; it is never run again."""
        try:
            is_alive = await self._kernel.is_alive(cell.kernel_generation)
        except KernelUnavailable:
            is_alive = False
        if not is_alive:
            await self._commit_lost(cell)
            return
        await self._log.set_phase(RunPhase.EXECUTING)
        recorder = OutputRecorder(
            cell.id, cell.revision, blobs=self._blobs, limits=self._limits, outputs=cell.outputs
        )
        await self._log.emit(*await recorder.take(Printed(StreamName.STDERR, _MISSING)))
        reactions = self._kernel.follow(message_id=cell.id)
        execution = self._execution(cell, reactions, recorder)
        spent = (now() - cell.started_at).total_seconds() if cell.started_at else 0
        await execution.run(max(1, self._cell_timeout - spent))

    def _execution(
        self, cell: Cell, reactions: AsyncIterator[Reaction], recorder: OutputRecorder
    ) -> Execution:
        before, self._before = self._before, cell.kernel_generation
        return Execution(
            cell,
            reactions,
            self._kernel,
            self._log,
            self._answer,
            recorder,
            before=before,
            grace=self._grace,
        )

    async def _commit_lost(self, cell: Cell) -> None:
        """Commit a lost worker's cell whose kernel is gone too."""
        note = ErrorOutput(
            index=max((output.index for output in cell.outputs), default=-1) + 1,
            ename="WorkerLost",
            evalue=LOST,
            traceback=(f"WorkerLost: {LOST}",),
        )
        ended = replace(
            cell,
            status=CellStatus.INTERRUPTED,
            outputs=(*cell.outputs, note),
            completed_at=now(),
        )
        before, self._before = self._before, cell.kernel_generation
        changed = OutputChanged(cell.id, cell.revision, note)
        await self._answer.end_cell(ended, [changed], observe(ended, before))

    async def _start(self) -> int:
        """Wait until the kernel has started; its generation."""
        starting = self._starting or asyncio.create_task(self._kernel.ensure_started())
        self._starting = starting
        try:
            await asyncio.wait({starting}, timeout=_QUICK_START)
            if not starting.done():
                await self._log.set_phase(RunPhase.STARTING_KERNEL)
            generation = await starting
            self._starting = None
            return generation
        except KernelUnavailable as error:
            raise failed(RunErrorCode.KERNEL_UNAVAILABLE, str(error)) from error
        except KernelEndedByUser as error:
            raise kernel_ended_by_user(error) from error
        except KernelDied as error:
            message = "The kernel died while it started. Try again."
            raise failed(RunErrorCode.KERNEL_DIED, message) from error
