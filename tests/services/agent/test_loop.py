"""Whole runs of the loop with the four ports faked: what it does, and how each failure ends."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from msgspec.structs import replace

from pybot.errors import Superseded
from pybot.services.agent.loop import run_agent
from pybot.services.agent.ports import Outcome
from pybot.services.events import CellChanged, CodeDelta, Event, OutputChanged, TextDelta
from pybot.services.kernels.base import (
    Done,
    KernelDied,
    KernelUnavailable,
    Printed,
    Raised,
)
from pybot.services.llm.base import Delta, Finished, Generation, ModelError, Turn
from pybot.services.records import (
    CellPart,
    CellStatus,
    ErrorOutput,
    Part,
    RunErrorCode,
    RunPhase,
    RunStatus,
    StreamName,
    StreamOutput,
    TextPart,
    TokenUsage,
)
from tests.services.agent.fakes import (
    FakeKernel,
    FakeLog,
    FakeModel,
    answered,
    asked,
    assignment,
    settings,
    text_of,
    texts,
    tools,
)

BUSY = ModelError(RunErrorCode.MODEL_BUSY, "It is busy.")
CUT = ModelError(RunErrorCode.MODEL_INTERRUPTED, "It was cut.")
TOO_LONG = ModelError(RunErrorCode.CONTEXT_TOO_LONG, "It is too long.", retryable=False)
SAID = TextPart(index=0, text="Yes.")
PRINTED = Printed(StreamName.STDOUT, "2\n")
NAME_ERROR = Raised("NameError", "name 'x' is not defined", ("Traceback", "NameError: x"))


async def run(model: FakeModel, kernel: FakeKernel, log: FakeLog, **limits: float) -> Outcome:
    return await run_agent(
        tools(model, kernel, log), assignment(), settings(**limits), pause=0.001, grace=0.05
    )


def cell_of(part: Part) -> CellPart:
    assert isinstance(part, CellPart)
    return part


def code_of(outcome: Outcome) -> RunErrorCode | None:
    return outcome.error.code if outcome.error else None


async def test_an_answer_without_code_is_one_text() -> None:
    log, kernel = FakeLog(), FakeKernel()
    outcome = await run(FakeModel(["\nHello ", "there.\n"]), kernel, log)
    assert outcome == Outcome(
        status=RunStatus.COMPLETED, usage=TokenUsage(prompt_tokens=10, completion_tokens=5)
    )
    assert log.parts == (TextPart(index=0, text="Hello there."),)
    assert log.phases == [RunPhase.WAITING_FOR_MODEL, RunPhase.GENERATING]
    assert kernel.starts == 0


async def test_code_is_run_and_its_output_fed_back() -> None:
    log, kernel = FakeLog(), FakeKernel(**{"1+1": [PRINTED]})
    model = FakeModel(["So:\n" + text_of("1+1") + "never read"], ["It is 2."])
    outcome = await run(model, kernel, log)
    assert outcome.status is RunStatus.COMPLETED
    first, second, third = log.parts
    assert (first, third) == (
        TextPart(index=0, text="So:"),
        TextPart(index=2, text="It is 2."),
    )
    cell = cell_of(second).cell
    assert cell.source == "1+1"
    assert cell.status is CellStatus.COMPLETED
    assert (cell.execution_count, cell.kernel_generation) == (1, 1)
    assert cell.outputs == (StreamOutput(index=0, name=StreamName.STDOUT, text="2\n"),)
    assert model.asked[1].turns == (
        Turn("system", "Be brief."),
        Turn("user", "Why?"),
        Turn("assistant", "So:\n\n```python\n1+1\n```\n"),
        Turn("user", "Output:\n```\n2\n```"),
    )
    assert log.steps[1].observation == "2"


async def test_phases_and_states_follow_the_work() -> None:
    log = FakeLog()
    await run(FakeModel([text_of("1")], ["Done."]), FakeKernel(), log)
    assert log.phases == [
        RunPhase.WAITING_FOR_MODEL,
        RunPhase.GENERATING,
        RunPhase.EXECUTING,
        RunPhase.WAITING_FOR_MODEL,
        RunPhase.GENERATING,
    ]
    assert log.cell_states == ["WRITING", "QUEUED", "RUNNING", "RUNNING", "COMPLETED"]


async def test_a_cell_is_known_as_started_before_the_kernel_has_it() -> None:
    log, kernel = FakeLog(), FakeKernel()
    seen: list[int] = []
    execute = kernel.execute

    def watched(code: str, *, message_id: str) -> object:
        seen.append(log.flushes)
        return execute(code, message_id=message_id)

    kernel.execute = watched  # type: ignore[method-assign,assignment]  # watched as it is called
    await run(FakeModel([text_of("1")], ["."]), kernel, log)
    assert seen == [1]
    assert kernel.message_ids == ["c.answer.0"]


async def test_the_kernel_starts_while_the_model_still_writes() -> None:
    log, kernel, more = FakeLog(), FakeKernel(), asyncio.Event()
    model = FakeModel(["```python\nprint(", more, "1)\n```\n"], ["."])
    task = asyncio.create_task(run(model, kernel, log))
    await model.waiting.wait()
    await asyncio.sleep(0)
    assert kernel.starts == 1
    more.set()
    await task
    assert kernel.executed == ["print(1)"]


async def test_a_slow_start_is_a_phase() -> None:
    log, kernel = FakeLog(), FakeKernel()
    kernel.start_gate = asyncio.Event()
    task = asyncio.create_task(run(FakeModel([text_of("1")], ["."]), kernel, log))
    await log.reached(RunPhase.STARTING_KERNEL)
    assert log.cell_states[-1] == "QUEUED"
    kernel.start_gate.set()
    assert (await task).status is RunStatus.COMPLETED


async def test_deltas_come_while_the_model_writes() -> None:
    log = FakeLog()
    await run(FakeModel(["Hello there \n", text_of("print(1)")], ["."]), FakeKernel(), log)
    deltas = [e.text for e in log.events if isinstance(e, TextDelta) and e.part_index == 0]
    assert deltas == ["Hell", "o th", "ere"]
    code = [event for event in log.events if isinstance(event, CodeDelta)]
    assert "".join(event.text for event in code) == "print(1)"
    assert len(code) > 1


async def test_generation_stops_at_the_closing_fence() -> None:
    """A model that goes on behind the fence is cut off there, and nothing of it is shown."""
    log, model = FakeLog(), FakeModel([Delta("```python\n1\n```\nIt is"), "5."], ["."])
    await run(model, FakeKernel(), log)
    assert model.closed == 2
    assert texts(log.parts) == ["."]


async def test_the_model_goes_on_behind_a_block_that_is_no_cell() -> None:
    log, model = FakeLog(), FakeModel(["```\nsample\n```\n"], ["More."])
    outcome = await run(model, FakeKernel(), log)
    assert texts(log.parts) == ["```\nsample\n```\nMore."]
    assert model.asked[1].turns[-1] == Turn("assistant", "```\nsample\n```\n")
    assert outcome.usage.prompt_tokens == 20


async def test_unclosed_code_is_run_at_the_end_of_the_turn() -> None:
    log, kernel = FakeLog(), FakeKernel()
    await run(FakeModel(["```python\n1+1"], ["Done."]), kernel, log)
    assert kernel.executed == ["1+1"]


async def test_thoughts_are_parts_of_their_own() -> None:
    log, model = FakeLog(), FakeModel([Delta("Hm.", reasoning=True), "Yes."])
    await run(model, FakeKernel(), log)
    assert log.parts == (
        TextPart(index=0, text="Hm.", reasoning=True),
        TextPart(index=1, text="Yes."),
    )


async def test_an_exception_is_fed_back_and_the_model_tries_again() -> None:
    log, kernel = FakeLog(), FakeKernel(x=[NAME_ERROR, Done("error", 1)])
    model = FakeModel([text_of("x")], [text_of("y")], ["Done."])
    assert (await run(model, kernel, log)).status is RunStatus.COMPLETED
    assert [cell_of(part).cell.status for part in log.parts[:2]] == [
        CellStatus.FAILED,
        CellStatus.COMPLETED,
    ]
    assert model.asked[1].turns[-1].text == "Output:\n```\nTraceback\nNameError: x\n```"


async def test_the_same_code_again_ends_the_answer() -> None:
    """A model that only repeats itself leaves no second cell, and no second sentence either."""
    log, kernel = FakeLog(), FakeKernel()
    again = "Here is the code.\n\n" + text_of("print(1)")
    outcome = await run(FakeModel([again], [again]), kernel, log)
    assert outcome.status is RunStatus.COMPLETED
    assert kernel.executed == ["print(1)"]
    assert [type(part) for part in log.parts] == [TextPart, CellPart]


async def test_code_that_only_begins_the_same_is_run() -> None:
    log, kernel = FakeLog(), FakeKernel()
    await run(FakeModel([text_of("a = 1\nb")], [text_of("a = 1\nc")], ["."]), kernel, log)
    assert kernel.executed == ["a = 1\nb", "a = 1\nc"]
    await run(FakeModel([text_of("print(1)")], [text_of("print")], ["."]), kernel, FakeLog())
    assert kernel.executed[2:] == ["print(1)", "print"]


async def test_an_answer_without_a_word_fails() -> None:
    outcome = await run(FakeModel(["\n"]), FakeKernel(), FakeLog())
    assert outcome.status is RunStatus.FAILED
    assert code_of(outcome) is RunErrorCode.MODEL_INTERRUPTED


@pytest.mark.parametrize("code", [RunErrorCode.MODEL_UNAVAILABLE, RunErrorCode.MODEL_INTERRUPTED])
async def test_a_model_that_fails_fails_the_run(code: RunErrorCode) -> None:
    outcome = await run(FakeModel([ModelError(code, "why")]), FakeKernel(), FakeLog())
    assert outcome.status is RunStatus.FAILED
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.message) == (code, "why")


async def test_text_before_a_cut_is_kept() -> None:
    log = FakeLog()
    outcome = await run(FakeModel(["Half an ans", CUT]), FakeKernel(), log)
    assert outcome.status is RunStatus.FAILED
    assert code_of(outcome) is RunErrorCode.MODEL_INTERRUPTED
    assert texts(log.parts) == ["Half an ans"]


async def test_code_that_was_cut_is_kept_and_not_run() -> None:
    log, kernel = FakeLog(), FakeKernel()
    outcome = await run(FakeModel(["```python\nprint(", CUT]), kernel, log)
    assert code_of(outcome) is RunErrorCode.MODEL_INTERRUPTED
    cell = cell_of(log.parts[0]).cell
    assert (cell.source, cell.status) == ("print(", CellStatus.INTERRUPTED)
    assert kernel.executed == []


async def test_a_stream_without_its_end_is_a_cut() -> None:
    class Ending(FakeModel):
        async def generate(self, generation: Generation) -> AsyncGenerator[Delta | Finished]:
            async for item in super().generate(generation):
                if not isinstance(item, Finished):
                    yield item

    outcome = await run(Ending(["Hello"]), FakeKernel(), FakeLog())
    assert code_of(outcome) is RunErrorCode.MODEL_INTERRUPTED


async def test_a_busy_model_is_asked_again() -> None:
    log, model = FakeLog(), FakeModel([BUSY], [BUSY], ["Hello."])
    assert (await run(model, FakeKernel(), log)).status is RunStatus.COMPLETED
    assert len(model.asked) == 3
    assert log.phases == [RunPhase.WAITING_FOR_MODEL, RunPhase.GENERATING]


async def test_a_model_that_stays_busy_fails_the_run() -> None:
    model = FakeModel([BUSY])
    outcome = await run(model, FakeKernel(), FakeLog())
    assert code_of(outcome) is RunErrorCode.MODEL_BUSY
    assert len(model.asked) == 3


async def test_a_model_busy_in_the_middle_is_not_asked_again() -> None:
    model = FakeModel(["Hello", BUSY])
    assert code_of(await run(model, FakeKernel(), FakeLog())) is RunErrorCode.MODEL_BUSY
    assert len(model.asked) == 1


async def test_too_long_a_prompt_fails_when_nothing_can_go() -> None:
    outcome = await run(FakeModel([TOO_LONG]), FakeKernel(), FakeLog())
    assert outcome.error is not None
    assert outcome.error.code is RunErrorCode.CONTEXT_TOO_LONG
    assert not outcome.error.retryable


async def test_one_cell_too_many_leaves_the_answer_incomplete() -> None:
    log, kernel = FakeLog(), FakeKernel()
    model = FakeModel([text_of("1")], [text_of("2")], ["So\n" + text_of("3")])
    outcome = await run(model, kernel, log, max_steps=2)
    assert outcome.status is RunStatus.INCOMPLETE
    assert code_of(outcome) is RunErrorCode.TOO_MANY_STEPS
    assert kernel.executed == ["1", "2"]
    assert texts(log.parts) == ["So"]


async def test_a_text_follows_the_last_cell_allowed() -> None:
    outcome = await run(FakeModel([text_of("1")], ["."]), FakeKernel(), FakeLog(), max_steps=1)
    assert outcome.status is RunStatus.COMPLETED


async def test_too_many_tokens_leave_the_answer_incomplete() -> None:
    log = FakeLog()
    model = FakeModel(
        ["Once upon", Finished("length", TokenUsage(prompt_tokens=3, completion_tokens=16))]
    )
    outcome = await run(model, FakeKernel(), log, max_tokens=16)
    assert outcome.status is RunStatus.INCOMPLETE
    assert code_of(outcome) is RunErrorCode.TOO_MANY_TOKENS
    assert texts(log.parts) == ["Once upon"]
    assert outcome.usage == TokenUsage(prompt_tokens=3, completion_tokens=16)


async def test_tokens_of_all_turns_count() -> None:
    model = FakeModel([text_of("1")], ["."])
    outcome = await run(model, FakeKernel(), FakeLog(), max_tokens=16)
    assert outcome.usage == TokenUsage(prompt_tokens=20, completion_tokens=6)
    assert [asked.max_tokens for asked in model.asked] == [16, 11]


async def test_code_cut_by_the_token_limit_is_not_run() -> None:
    log, kernel = FakeLog(), FakeKernel()
    model = FakeModel(
        ["```python\nprint(", Finished("length", TokenUsage(prompt_tokens=3, completion_tokens=16))]
    )
    outcome = await run(model, kernel, log, max_tokens=16)
    assert code_of(outcome) is RunErrorCode.TOO_MANY_TOKENS
    assert kernel.executed == []
    assert cell_of(log.parts[0]).cell.status is CellStatus.INTERRUPTED


async def test_a_run_that_takes_too_long_is_stopped() -> None:
    log, model = FakeLog(), FakeModel(["Once", asyncio.Event()])
    outcome = await run(model, FakeKernel(), log, timeout=0.05)
    assert outcome.status is RunStatus.INCOMPLETE
    assert code_of(outcome) is RunErrorCode.RUN_TIMEOUT
    assert texts(log.parts) == ["Once"]
    assert model.closed == 1


async def test_a_run_that_ends_in_a_cell_interrupts_the_kernel() -> None:
    log, kernel = FakeLog(), FakeKernel(loop=[asyncio.Event()])
    outcome = await run(FakeModel([text_of("loop")]), kernel, log, timeout=0.05)
    assert code_of(outcome) is RunErrorCode.RUN_TIMEOUT
    assert kernel.interrupts == 1
    assert cell_of(log.parts[0]).cell.status is CellStatus.INTERRUPTED


async def test_code_that_runs_too_long_is_interrupted_and_the_model_told() -> None:
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
    await run(model, kernel, log, cell_timeout=0.05)
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


async def test_a_bug_is_raised_with_the_text_kept() -> None:
    log = FakeLog()
    with pytest.raises(ZeroDivisionError):
        await run(FakeModel(["Half", ZeroDivisionError()]), FakeKernel(), log)
    assert texts(log.parts) == ["Half"]


async def test_cells_in_events_have_no_outputs() -> None:
    log, kernel = FakeLog(), FakeKernel(x=[PRINTED])
    await run(FakeModel([text_of("x")], ["."]), kernel, log)
    cells = [event.cell for event in log.events if isinstance(event, CellChanged)]
    assert all(cell == replace(cell, outputs=()) for cell in cells)


async def test_a_log_that_fails_stops_the_kernel_and_is_raised() -> None:
    """Bytes that cannot be kept (Redis is full) are no reason for code to run on alone."""

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
            if self.flushes > 1:
                raise ConnectionError

    log, kernel = Broken(), FakeKernel()
    kernel.scripts = {"loop": [kernel.interrupted, Done("error", 1)]}
    await run(FakeModel([text_of("loop")], ["."]), kernel, log, cell_timeout=0.05)
    assert kernel.interrupts == 1


async def test_many_blocks_that_are_no_cells_are_written_in_the_end_without_stops() -> None:
    model = FakeModel(["```\nx\n```\n"])
    outcome = await run(model, FakeKernel(), FakeLog())
    assert outcome.status is RunStatus.COMPLETED
    assert [bool(asked.stop) for asked in model.asked] == [True] * 8 + [False]


async def test_a_long_prompt_is_tried_again_with_less() -> None:
    history = [message for number in range(4) for message in (asked(f"{number}?"), answered(SAID))]
    model = FakeModel([TOO_LONG], ["Yes."])
    work = assignment(*history, asked("Last?"))
    outcome = await run_agent(tools(model, FakeKernel(), FakeLog()), work, settings())
    assert outcome.status is RunStatus.COMPLETED
    first, second = (asked.turns for asked in model.asked)
    assert (len(first), len(second)) == (10, 6)
    assert second[-1] == Turn("user", "Last?")


async def test_a_model_that_goes_in_circles_is_stopped() -> None:
    log, kernel = FakeLog(), FakeKernel()
    model = FakeModel(["```python\n" + "a = 1\n" * 1000])
    outcome = await run(model, kernel, log)
    assert outcome.status is RunStatus.INCOMPLETE
    assert code_of(outcome) is RunErrorCode.TOO_MANY_TOKENS
    assert kernel.executed == []
    assert 20 < outcome.usage.completion_tokens < 100
    assert cell_of(log.parts[0]).cell.status is CellStatus.INTERRUPTED
