"""Whole runs of the loop with the four ports faked: what happens, in which order."""

import asyncio

from pybot.services.agent.ports import Outcome
from pybot.services.kernels.base import (
    Done,
    Printed,
    Raised,
)
from pybot.services.llm.base import Delta, Turn
from pybot.services.records import (
    CellPart,
    CellStatus,
    RunPhase,
    RunStatus,
    StreamName,
    StreamOutput,
    TextPart,
    TokenUsage,
)
from pybot.services.records.events import CodeDelta, TextDelta
from tests.services.agent.fake_kernel import FakeKernel
from tests.services.agent.fake_model import FakeModel, text_of
from tests.services.agent.fakes import FakeLog, cell_of, run, texts

PRINTED = Printed(StreamName.STDOUT, "2\n")
NAME_ERROR = Raised("NameError", "name 'x' is not defined", ("Traceback", "NameError: x"))


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


async def test_the_model_continues_after_a_block_that_is_no_cell() -> None:
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
