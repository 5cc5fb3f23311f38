"""Cells on the kernel: how each of its failures ends, and what is known of it when."""

import asyncio
from typing import Literal

import pytest
from msgspec.structs import replace

from pybot.errors import Superseded
from pybot.services.kernels.base import (
    Done,
    KernelDied,
    KernelEndedByUser,
    KernelUnavailable,
    Printed,
    Raised,
)
from pybot.services.records import (
    CellStatus,
    ErrorOutput,
    RunErrorCode,
    RunStatus,
    StreamName,
    StreamOutput,
)
from pybot.services.records.events import CellChanged, Event, OutputChanged
from tests.services.agent.fake_kernel import FakeKernel
from tests.services.agent.fake_model import FakeModel, text_of
from tests.services.agent.fakes import FakeLog, cell_of, code_of, run

PRINTED = Printed(StreamName.STDOUT, "2\n")
NAME_ERROR = Raised("NameError", "name 'x' is not defined", ("Traceback", "NameError: x"))


async def test_a_cell_is_known_as_started_before_the_kernel_has_it() -> None:
    log, kernel = FakeLog(), FakeKernel()
    seen: list[int] = []
    execute = kernel.execute

    def watched(code: str, *, message_id: str) -> object:
        seen.append(log.flushes)
        return execute(code, message_id=message_id)

    kernel.execute = watched  # type: ignore[method-assign,assignment]  # watched as it is called
    await run(FakeModel([text_of("1")], ["."]), kernel, log)
    assert seen == [2]
    assert kernel.message_ids == ["c.answer.0"]


async def test_a_run_that_ends_in_a_cell_interrupts_the_kernel() -> None:
    log, kernel = FakeLog(), FakeKernel(loop=[asyncio.Event()])
    outcome = await run(FakeModel([text_of("loop")]), kernel, log, timeout=1)
    assert code_of(outcome) is RunErrorCode.RUN_TIMEOUT
    assert kernel.interrupts == 1
    assert cell_of(log.parts[0]).cell.status is CellStatus.INTERRUPTED


async def test_code_that_runs_too_long_is_interrupted_and_the_model_reads_why() -> None:
    log, kernel = FakeLog(), FakeKernel()
    kernel.scripts = {"loop": [PRINTED, kernel.interrupted, Done("error", 1)]}
    model = FakeModel([text_of("loop")], ["Too slow."])
    outcome = await run(model, kernel, log, cell_timeout=0.05)
    assert outcome.status is RunStatus.COMPLETED
    assert (kernel.interrupts, kernel.restarts) == (1, 0)
    cell = cell_of(log.parts[0]).cell
    assert cell.status is CellStatus.INTERRUPTED
    assert isinstance(cell.outputs[-1], ErrorOutput)
    assert cell.outputs[-1].ename == "ExecutionTimeout"
    assert "stopped after 0.05 seconds" in model.asked[1].turns[-1].text


async def test_code_that_ignores_interrupts_loses_its_kernel() -> None:
    log, kernel = FakeLog(), FakeKernel(loop=[asyncio.Event()])
    model = FakeModel([text_of("loop")], [text_of("x")], ["."])
    outcome = await run(model, kernel, log, cell_timeout=0.5)
    assert outcome.status is RunStatus.COMPLETED
    assert kernel.restarts == 1
    assert "its variables are lost" in model.asked[1].turns[-1].text
    assert model.asked[2].turns[-1].text.startswith("Output:\n```\n[the kernel was started anew")


async def test_a_kernel_that_does_not_start_fails_the_run() -> None:
    log, kernel = FakeLog(), FakeKernel()
    kernel.start_error = KernelUnavailable("Start the gateway.")
    outcome = await run(FakeModel([text_of("1")]), kernel, log)
    assert outcome.status is RunStatus.FAILED
    assert outcome.error is not None
    assert outcome.error.code is RunErrorCode.KERNEL_UNAVAILABLE
    assert outcome.error.message == "Start the gateway."
    cell = cell_of(log.parts[0]).cell
    assert (cell.source, cell.status) == ("1", CellStatus.INTERRUPTED)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KernelDied("gone"), RunErrorCode.KERNEL_DIED),
        (KernelUnavailable("cut"), RunErrorCode.KERNEL_UNAVAILABLE),
    ],
)
async def test_a_kernel_lost_in_a_cell_fails_the_run(error: Exception, code: RunErrorCode) -> None:
    log, kernel = FakeLog(), FakeKernel(boom=[PRINTED, error])
    outcome = await run(FakeModel([text_of("boom")]), kernel, log)
    assert outcome.status is RunStatus.FAILED
    assert code_of(outcome) is code
    cell = cell_of(log.parts[0]).cell
    assert cell.status is CellStatus.INTERRUPTED
    assert [type(output) for output in cell.outputs] == [StreamOutput, ErrorOutput]


@pytest.mark.parametrize("action", ["restarted", "shut down"])
async def test_a_kernel_that_its_user_ends_is_no_fault(
    action: Literal["restarted", "shut down"],
) -> None:
    """The cell says who did it, and the answer is incomplete rather than failed."""
    log, kernel = FakeLog(), FakeKernel(loop=[PRINTED, asyncio.Event()])
    task = asyncio.create_task(run(FakeModel([text_of("loop")]), kernel, log))
    await kernel.running.wait()
    kernel.end(KernelEndedByUser(action))
    outcome = await task
    assert outcome.status is RunStatus.INCOMPLETE
    assert outcome.error is not None
    assert outcome.error.code is RunErrorCode.KERNEL_RESTARTED
    assert outcome.error.message.startswith(f"You {action} the kernel while it ran the code.")
    cell = cell_of(log.parts[0]).cell
    assert cell.status is CellStatus.INTERRUPTED
    note = cell.outputs[-1]
    assert isinstance(note, ErrorOutput)
    assert f"the user {action} the kernel while it ran this code" in note.evalue


async def test_a_kernel_that_its_user_shuts_down_as_it_starts_is_no_fault() -> None:
    kernel = FakeKernel()
    kernel.start_error = KernelEndedByUser("shut down")
    outcome = await run(FakeModel([text_of("1")]), kernel, FakeLog())
    assert code_of(outcome) is RunErrorCode.KERNEL_RESTARTED


async def test_a_kernel_that_dies_as_it_starts_fails_the_run() -> None:
    kernel = FakeKernel()
    kernel.start_error = KernelDied("gone")
    outcome = await run(FakeModel([text_of("1")]), kernel, FakeLog())
    assert code_of(outcome) is RunErrorCode.KERNEL_DIED


async def test_code_that_the_user_interrupts_is_interrupted() -> None:
    interrupt = Raised("KeyboardInterrupt", "", ())
    log, kernel = FakeLog(), FakeKernel(loop=[interrupt, Done("error", 1)])
    await run(FakeModel([text_of("loop")], ["."]), kernel, log)
    assert cell_of(log.parts[0]).cell.status is CellStatus.INTERRUPTED


async def test_code_that_the_kernel_skips_is_interrupted() -> None:
    log, kernel = FakeLog(), FakeKernel(x=[Done("aborted")])
    await run(FakeModel([text_of("x")], ["."]), kernel, log)
    assert cell_of(log.parts[0]).cell.status is CellStatus.INTERRUPTED


async def test_a_stale_run_stops_before_the_kernel_is_touched() -> None:
    log, kernel = FakeLog(), FakeKernel()

    def grow_stale() -> None:
        log.is_stale = True

    model = FakeModel(["Hello ", grow_stale, text_of("1")])
    with pytest.raises(Superseded):
        await run(model, kernel, log)
    assert (kernel.executed, kernel.interrupts) == ([], 0)
    assert model.closed == 1


async def test_a_stale_run_leaves_a_running_cell_alone() -> None:
    log, kernel = FakeLog(), FakeKernel(loop=[asyncio.Event()])
    task = asyncio.create_task(run(FakeModel([text_of("loop")]), kernel, log))
    await kernel.running.wait()
    log.is_stale = True
    task.cancel()
    with pytest.raises(Superseded):
        await task
    assert (kernel.interrupts, log.steps) == (0, [])


async def test_a_late_cell_of_a_stale_run_is_left_alone() -> None:
    log, kernel = FakeLog(), FakeKernel(loop=[asyncio.Event()])
    task = asyncio.create_task(run(FakeModel([text_of("loop")]), kernel, log, cell_timeout=0.05))
    await kernel.running.wait()
    log.is_stale = True
    with pytest.raises(Superseded):
        await task
    assert kernel.interrupts == 0


async def test_cells_in_events_have_no_outputs() -> None:
    log, kernel = FakeLog(), FakeKernel(x=[PRINTED])
    await run(FakeModel([text_of("x")], ["."]), kernel, log)
    cells = [event.cell for event in log.events if isinstance(event, CellChanged)]
    assert all(cell == replace(cell, outputs=()) for cell in cells)


async def test_a_log_that_fails_stops_the_kernel_and_is_raised() -> None:
    """Where bytes cannot be stored (Redis is full), the code is interrupted too."""

    class Full(FakeLog):
        async def emit(self, *events: Event) -> None:
            if any(isinstance(event, OutputChanged) for event in events):
                raise MemoryError
            await super().emit(*events)

    log, kernel = Full(), FakeKernel(x=[PRINTED, asyncio.Event()])
    with pytest.raises(MemoryError):
        await run(FakeModel([text_of("x")]), kernel, log)
    assert kernel.interrupts == 1
    assert cell_of(log.steps[0].part).cell.status is CellStatus.INTERRUPTED


async def test_an_error_without_an_exception_fails_the_cell() -> None:
    log, kernel = FakeLog(), FakeKernel(x=[Done("error", 1)])
    await run(FakeModel([text_of("x")], ["."]), kernel, log)
    assert cell_of(log.parts[0]).cell.status is CellStatus.FAILED


async def test_a_traceback_that_is_only_shown_fails_nothing() -> None:
    log, kernel = FakeLog(), FakeKernel(x=[NAME_ERROR])
    await run(FakeModel([text_of("x")], ["."]), kernel, log)
    assert cell_of(log.parts[0]).cell.status is CellStatus.COMPLETED


async def test_a_log_out_of_reach_does_not_keep_late_code_running() -> None:
    class Broken(FakeLog):
        async def flush(self) -> None:
            await super().flush()
            if self.flushes > 2:
                raise ConnectionError

    log, kernel = Broken(), FakeKernel()
    kernel.scripts = {"loop": [kernel.interrupted, Done("error", 1)]}
    await run(FakeModel([text_of("loop")], ["."]), kernel, log, cell_timeout=0.05)
    assert kernel.interrupts == 1
