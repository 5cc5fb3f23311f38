"""The cells of an answer and the kernel that runs them: started early, watched for its loss."""

import asyncio

from msgspec.structs import replace

from pybot.config import LimitSettings
from pybot.services.agent.answer import Answer
from pybot.services.agent.execution import Execution, interrupt
from pybot.services.agent.failures import failed
from pybot.services.agent.observations import observe
from pybot.services.agent.outputs import OutputRecorder
from pybot.services.agent.ports import BlobStore, RunKernel, RunLog
from pybot.services.events import OutputChanged
from pybot.services.kernels.base import KernelDied, KernelUnavailable
from pybot.services.records import Cell, CellStatus, ErrorOutput, RunErrorCode, RunPhase, now

# A start that is quicker is not worth a phase of its own.
_QUICK_START = 0.05


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
        """Start the kernel beside the model, which still writes the code."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._kernel.ensure_started())

    async def aclose(self) -> None:
        """End a start that nobody waits for any more."""
        starting, self._starting = self._starting, None
        if starting is not None:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)

    async def run(self, cell: Cell) -> None:
        """Run a cell and commit it. Raises Stopped when no kernel runs it to its end."""
        await self._answer.change_cell(replace(cell, status=CellStatus.QUEUED))
        generation = await self._start()
        running = replace(
            cell, status=CellStatus.RUNNING, kernel_generation=generation, started_at=now()
        )
        await self._answer.change_cell(running)
        await self._log.phase(RunPhase.EXECUTING)
        await self._log.flush()
        execution = Execution(
            running,
            self._kernel,
            self._log,
            self._answer,
            OutputRecorder(cell.id, cell.revision, blobs=self._blobs, limits=self._limits),
            before=self._before,
            grace=self._grace,
        )
        self._before = generation
        await execution.run(self._cell_timeout)

    async def end_lost(self, cell: Cell) -> None:
        """Commit a cell that another worker had started: it is never run again."""
        await interrupt(self._kernel)
        text = "the server that followed this code was lost; what the code did since is not known"
        note = ErrorOutput(
            index=max((output.index for output in cell.outputs), default=-1) + 1,
            ename="WorkerLost",
            evalue=text,
            traceback=(f"WorkerLost: {text}",),
        )
        ended = replace(
            cell,
            status=CellStatus.INTERRUPTED,
            outputs=(*cell.outputs, note),
            completed_at=now(),
        )
        before, self._before = self._before, cell.kernel_generation
        told = OutputChanged(cell.id, cell.revision, note)
        await self._answer.end_cell(ended, [told], observe(ended, before))

    async def _start(self) -> int:
        """The generation of the kernel, once it is there."""
        self.prepare()
        starting = self._starting
        assert starting is not None
        try:
            await asyncio.wait({starting}, timeout=_QUICK_START)
            if not starting.done():
                await self._log.phase(RunPhase.STARTING_KERNEL)
            generation = await starting
            self._starting = None
            return generation
        except KernelUnavailable as error:
            raise failed(RunErrorCode.KERNEL_UNAVAILABLE, str(error)) from error
        except KernelDied as error:
            message = "The kernel died while it started. Try again."
            raise failed(RunErrorCode.KERNEL_DIED, message) from error
