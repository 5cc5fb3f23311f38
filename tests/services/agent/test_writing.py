"""The model's turns: how each limit and each failure of the model ends the run."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from pybot.services.agent.loop import run_agent
from pybot.services.llm.base import Delta, ModelError, ModelRequest, ResponseEnd, Turn
from pybot.services.records import (
    CellStatus,
    RunErrorCode,
    RunPhase,
    RunStatus,
    TextPart,
    TokenUsage,
)
from tests.services.agent.fake_kernel import FakeKernel
from tests.services.agent.fake_model import FakeModel, text_of
from tests.services.agent.fakes import (
    FakeLog,
    assignment,
    cell_of,
    code_of,
    ended,
    run,
    settings,
    texts,
    tools,
)
from tests.services.agent.past_messages import answered, asked

BUSY = ModelError(RunErrorCode.MODEL_BUSY, "It is busy.")
CUT = ModelError(RunErrorCode.MODEL_INTERRUPTED, "It was cut.")
TOO_LONG = ModelError(RunErrorCode.CONTEXT_TOO_LONG, "It is too long.", retryable=False)
SAID = TextPart(index=0, text="Yes.")


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


async def test_text_before_a_cut_is_committed() -> None:
    log = FakeLog()
    outcome = await run(FakeModel(["Half an ans", CUT]), FakeKernel(), log)
    assert outcome.status is RunStatus.FAILED
    assert code_of(outcome) is RunErrorCode.MODEL_INTERRUPTED
    assert texts(log.parts) == ["Half an ans"]


async def test_code_that_was_cut_is_committed_and_not_run() -> None:
    log, kernel = FakeLog(), FakeKernel()
    outcome = await run(FakeModel(["```python\nprint(", CUT]), kernel, log)
    assert code_of(outcome) is RunErrorCode.MODEL_INTERRUPTED
    cell = cell_of(log.parts[0]).cell
    assert (cell.source, cell.status) == ("print(", CellStatus.INTERRUPTED)
    assert kernel.executed == []


async def test_a_stream_without_its_end_is_a_cut() -> None:
    class Shutdown(FakeModel):
        async def generate(self, request: ModelRequest) -> AsyncGenerator[Delta | ResponseEnd]:
            async for item in super().generate(request):
                if not isinstance(item, ResponseEnd):
                    yield item

    outcome = await run(Shutdown(["Hello"]), FakeKernel(), FakeLog())
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


@pytest.mark.parametrize(("longest", "expected"), [(8.0, [0.25, 0.5]), (0.375, [0.25, 0.375])])
async def test_pauses_grow_to_their_limit_while_a_model_is_busy(
    monkeypatch: pytest.MonkeyPatch, longest: float, expected: list[float]
) -> None:
    pauses: list[float] = []

    async def note(seconds: float) -> None:
        pauses.append(seconds)

    def middle(low: float, high: float) -> float:
        return (low + high) / 2

    monkeypatch.setattr("pybot.services.agent.writing._LONGEST_PAUSE", longest)
    monkeypatch.setattr("random.uniform", middle)
    with monkeypatch.context() as patched:
        patched.setattr("asyncio.sleep", note)
        work = run_agent(
            tools(FakeModel([BUSY]), FakeKernel(), FakeLog()), assignment(), settings(), pause=0.25
        )
        assert code_of(ended(await work)) is RunErrorCode.MODEL_BUSY
    assert pauses == expected


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
        ["Once upon", ResponseEnd("length", TokenUsage(prompt_tokens=3, completion_tokens=16))]
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
        [
            "```python\nprint(",
            ResponseEnd("length", TokenUsage(prompt_tokens=3, completion_tokens=16)),
        ]
    )
    outcome = await run(model, kernel, log, max_tokens=16)
    assert code_of(outcome) is RunErrorCode.TOO_MANY_TOKENS
    assert kernel.executed == []
    assert cell_of(log.parts[0]).cell.status is CellStatus.INTERRUPTED


async def test_a_run_that_takes_too_long_is_stopped() -> None:
    log, model = FakeLog(), FakeModel(["Once", asyncio.Event()])
    outcome = await run(model, FakeKernel(), log, timeout=1)
    assert outcome.status is RunStatus.INCOMPLETE
    assert code_of(outcome) is RunErrorCode.RUN_TIMEOUT
    assert texts(log.parts) == ["Once"]
    assert model.closed == 1


async def test_a_bug_is_raised_after_the_text_is_committed() -> None:
    log = FakeLog()
    with pytest.raises(ZeroDivisionError):
        await run(FakeModel(["Half", ZeroDivisionError()]), FakeKernel(), log)
    assert texts(log.parts) == ["Half"]


async def test_many_blocks_that_are_no_cells_are_written_in_the_end_without_stops() -> None:
    model = FakeModel(["```\nx\n```\n"])
    outcome = await run(model, FakeKernel(), FakeLog())
    assert outcome.status is RunStatus.COMPLETED
    assert [bool(asked.stop) for asked in model.asked] == [True] * 8 + [False]


async def test_a_long_prompt_is_tried_again_with_less() -> None:
    history = [message for number in range(4) for message in (asked(f"{number}?"), answered(SAID))]
    model = FakeModel([TOO_LONG], ["Yes."])
    work = assignment(*history, asked("Last?"))
    outcome = ended(await run_agent(tools(model, FakeKernel(), FakeLog()), work, settings()))
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
