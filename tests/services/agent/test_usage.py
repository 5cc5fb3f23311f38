"""The tokens of runs that end early: counted by the service, else estimated."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from pybot.config import LlmSettings
from pybot.services.agent.loop import Tools, run_agent
from pybot.services.llm.base import ChatModel, Delta, ModelError
from pybot.services.llm.chat import ChatCompletionsModel
from pybot.services.llm.profiles import Profile
from pybot.services.llm.tgi import TgiModel
from pybot.services.records import RunErrorCode, TokenUsage
from tests.scripted_chat import ScriptedChat
from tests.scripted_tgi import ScriptedTGI
from tests.services.agent.fake_kernel import FakeKernel
from tests.services.agent.fake_model import FakeModel, text_of
from tests.services.agent.fakes import FakeBlobs, FakeLog, assignment, run, settings, tools
from tests.services.agent.past_messages import asked

Pair = tuple[Callable[[LlmSettings], ChatModel], ScriptedTGI]


@pytest.fixture(params=["tgi", "chat"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    """An adapter and its service."""
    if request.param == "tgi":
        async with ScriptedTGI() as service:
            yield TgiModel, service
    else:
        async with ScriptedChat() as service:
            yield ChatCompletionsModel, service


async def test_cancelled_run_has_the_tokens_of_its_half_answer(pair: Pair) -> None:
    adapter, service = pair
    model = adapter(LlmSettings(url=service.url))
    log = FakeLog()
    work = Tools(
        model,
        FakeKernel(),
        log,
        FakeBlobs(),
        Profile(system="Be brief.", few_shot=(), temperature=0),
        None,
    )
    question = asked("[[slow: 5]] [[long: 2000]] " + "x" * 3500)
    task = asyncio.create_task(run_agent(work, assignment(question), settings()))
    async with asyncio.timeout(10):
        while len(log.events) < 20:  # noqa: ASYNC110 (nothing else tells)
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await model.aclose()
    assert log.usage is not None
    assert 900 < log.usage.prompt_tokens < 1200
    assert 15 < log.usage.completion_tokens < 2000


async def test_tokens_are_noted_as_the_model_writes() -> None:
    """Those of turns before with those of this one, which are a guess until it ends."""
    log, model = FakeLog(), FakeModel([text_of("1+1")], ["a ", "b ", asyncio.Event()])
    task = asyncio.create_task(
        run_agent(tools(model, FakeKernel(), log), assignment(asked("x" * 350)), settings())
    )
    await model.waiting.wait()
    assert log.usage is not None
    seen = log.usage
    assert seen.completion_tokens == 5 + 2
    assert 50 < seen.prompt_tokens < 250
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log.usage.prompt_tokens == seen.prompt_tokens


async def test_run_cancelled_before_the_first_word_has_its_prompt() -> None:
    log, model = FakeLog(), FakeModel([asyncio.Event()])
    task = asyncio.create_task(
        run_agent(tools(model, FakeKernel(), log), assignment(asked("x" * 350)), settings())
    )
    await model.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log.usage is not None
    assert 100 < log.usage.prompt_tokens < 150
    assert log.usage.completion_tokens == 0


async def test_run_cancelled_in_a_cell_has_the_usage_of_the_service() -> None:
    log, kernel = FakeLog(), FakeKernel(loop=[asyncio.Event()])
    model = FakeModel([text_of("loop")])
    task = asyncio.create_task(run_agent(tools(model, kernel, log), assignment(), settings()))
    await kernel.running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log.usage == TokenUsage(prompt_tokens=10, completion_tokens=6)


async def test_pieces_of_many_tokens_are_counted_by_their_length() -> None:
    cut = ModelError(RunErrorCode.MODEL_INTERRUPTED, "It was cut.")
    outcome = await run(FakeModel([Delta("word " * 70), cut]), FakeKernel(), FakeLog())
    assert outcome.usage.completion_tokens == 100


@pytest.mark.parametrize("code", [RunErrorCode.MODEL_UNAVAILABLE, RunErrorCode.CONTEXT_TOO_LONG])
async def test_request_that_was_refused_took_nothing(code: RunErrorCode) -> None:
    outcome = await run(FakeModel([ModelError(code, "No.")]), FakeKernel(), FakeLog())
    assert outcome.usage == TokenUsage()
