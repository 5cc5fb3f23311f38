"""A run that is cancelled: at once, and all that was written is committed."""

import asyncio
import time

import pytest

from pybot.errors import Superseded
from pybot.services.agent.loop import run_agent
from pybot.services.kernels.base import Done, Printed, Raised
from pybot.services.llm.base import ModelError
from pybot.services.records import (
    CellPart,
    CellStatus,
    Part,
    RunErrorCode,
    RunPhase,
    StreamName,
    StreamOutput,
)
from tests.services.agent.fake_kernel import FakeKernel
from tests.services.agent.fake_model import FakeModel, text_of
from tests.services.agent.fakes import FakeLog, assignment, settings, texts, tools

PRINTED = Printed(StreamName.STDOUT, "tick\n")


def begin(model: FakeModel, kernel: FakeKernel, log: FakeLog) -> asyncio.Task[object]:
    work = run_agent(tools(model, kernel, log), assignment(), settings(), pause=60)
    return asyncio.create_task(work)


async def cancel(task: asyncio.Task[object]) -> float:
    """Cancel and wait; how long it took, in seconds."""
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.monotonic() - started


def status_of(part: Part) -> CellStatus:
    assert isinstance(part, CellPart)
    return part.cell.status


async def test_cancel_mid_token_closes_the_stream_and_commits_the_text() -> None:
    log, model = FakeLog(), FakeModel(["Half an answer", asyncio.Event()])
    task = begin(model, FakeKernel(), log)
    await model.waiting.wait()
    assert await cancel(task) < 1
    assert model.closed == 1
    assert texts(log.parts) == ["Half an answer"]


async def test_cancel_mid_code_commits_the_code_and_does_not_run_it() -> None:
    log, kernel = FakeLog(), FakeKernel()
    kernel.start_gate = asyncio.Event()
    model = FakeModel(["```python\nprint(", asyncio.Event()])
    task = begin(model, kernel, log)
    await model.waiting.wait()
    assert await cancel(task) < 1
    assert status_of(log.parts[0]) is CellStatus.INTERRUPTED
    assert kernel.executed == []
    assert kernel.interrupts == 0


async def test_cancel_mid_cell_interrupts_the_kernel_and_commits_the_outputs() -> None:
    log, kernel = FakeLog(), FakeKernel()
    last_word = Raised("KeyboardInterrupt", "", ())
    kernel.scripts = {"loop": [PRINTED, asyncio.Event(), last_word, Done("error", 1)]}
    task = begin(FakeModel([text_of("loop")]), kernel, log)
    await kernel.running.wait()
    assert await cancel(task) < 1
    assert kernel.interrupts == 1
    (part,) = log.parts
    assert isinstance(part, CellPart)
    assert part.cell.status is CellStatus.INTERRUPTED
    assert part.cell.outputs == (StreamOutput(index=0, name=StreamName.STDOUT, text="tick\n"),)


async def test_a_kernel_that_does_not_take_the_interrupt_holds_nothing_up() -> None:
    class Silent(FakeKernel):
        async def interrupt(self) -> None:
            await asyncio.Event().wait()

    log, kernel = FakeLog(), Silent(loop=[asyncio.Event()])
    task = begin(FakeModel([text_of("loop")]), kernel, log)
    await kernel.running.wait()
    assert await cancel(task) < 1.5
    assert status_of(log.parts[0]) is CellStatus.INTERRUPTED


async def test_a_log_that_is_slow_does_not_keep_the_kernel_running() -> None:
    class Slow(FakeLog):
        async def flush(self) -> None:
            await super().flush()
            if self.flushes > 2:
                await asyncio.Event().wait()

    log, kernel = Slow(), FakeKernel(loop=[asyncio.Event()])
    task = begin(FakeModel([text_of("loop")]), kernel, log)
    await kernel.running.wait()
    assert await cancel(task) < 1.5
    assert kernel.interrupts == 1


async def test_a_kernel_that_may_be_anothers_is_left_alone() -> None:
    class Silent(FakeLog):
        async def flush(self) -> None:
            await super().flush()
            if self.flushes > 2:
                self.has_lease = False
                await asyncio.Event().wait()

    log, kernel = Silent(), FakeKernel(loop=[asyncio.Event()])
    task = begin(FakeModel([text_of("loop")]), kernel, log)
    await kernel.running.wait()
    task.cancel()
    with pytest.raises(Superseded):
        await task
    assert kernel.interrupts == 0


async def test_cancel_while_the_kernel_starts_ends_the_start() -> None:
    before = asyncio.all_tasks()
    log, kernel = FakeLog(), FakeKernel()
    kernel.start_gate = asyncio.Event()
    task = begin(FakeModel([text_of("1")]), kernel, log)
    await log.reached(RunPhase.STARTING_KERNEL)
    assert await cancel(task) < 1
    assert status_of(log.parts[0]) is CellStatus.INTERRUPTED
    assert asyncio.all_tasks() == before


async def test_a_second_cancel_does_not_lose_what_was_there() -> None:
    """A shutdown cancels a run that is being cancelled already: the commit is finished."""

    class Slow(FakeKernel):
        async def interrupt(self) -> None:
            await super().interrupt()
            await asyncio.sleep(0.1)

    log, kernel = FakeLog(), Slow(loop=[PRINTED, asyncio.Event()])
    task = begin(FakeModel([text_of("loop")]), kernel, log)
    await kernel.running.wait()
    task.cancel()
    await kernel.interrupted.wait()
    assert await cancel(task) < 1
    assert status_of(log.parts[0]) is CellStatus.INTERRUPTED


async def test_cancel_while_the_model_is_busy_ends_the_pause() -> None:
    asked = asyncio.Event()
    model = FakeModel([asked.set, ModelError(RunErrorCode.MODEL_BUSY, "busy")])
    task = begin(model, FakeKernel(), FakeLog())
    await asked.wait()
    assert await cancel(task) < 1
    assert len(model.asked) == 1


async def test_no_task_is_left_behind() -> None:
    before = asyncio.all_tasks()
    log, kernel = FakeLog(), FakeKernel(loop=[asyncio.Event()])
    task = begin(FakeModel([text_of("loop")]), kernel, log)
    await kernel.running.wait()
    await cancel(task)
    assert asyncio.all_tasks() == before
