"""A tool that waits for a person: the run leaves the loop, and comes back with the decision."""

from pybot.services.agent.loop import run_agent
from pybot.services.agent.ports import Decision, Outcome, Resumption, Suspended, Suspension
from pybot.services.records import RunErrorCode, RunPhase, RunStatus, TokenUsage
from tests.services.agent.fake_kernel import FakeKernel
from tests.services.agent.fake_model import FakeModel, text_of
from tests.services.agent.fakes import FakeLog, assignment, code_of, ended, settings, texts, tools

USED = TokenUsage(prompt_tokens=100, completion_tokens=50)


async def resumed(resumption: Resumption, *, model: FakeModel, **limits: float) -> Outcome:
    """The outcome of a run that was suspended before."""
    work = assignment(resumption=resumption)
    ports = tools(model, FakeKernel(), FakeLog())
    return ended(await run_agent(ports, work, settings(**limits)))


async def test_tool_that_waits_for_a_person_suspends_the_run() -> None:
    """Finished parts are committed, the open one is not, and the tokens are in the Suspension."""
    log, kernel = FakeLog(), FakeKernel()
    kernel.start_error = Suspended(RunPhase.AWAITING_APPROVAL)
    model = FakeModel(["So:\n" + text_of("1+1")])
    result = await run_agent(tools(model, kernel, log), assignment(), settings())
    assert isinstance(result, Suspension)
    assert result.phase is RunPhase.AWAITING_APPROVAL
    assert result.usage.completion_tokens > 0
    assert texts([step.part for step in log.steps]) == ["So:"]
    assert log.cell_states[-1] == "QUEUED"
    assert kernel.executed == []
    assert model.closed == len(model.asked)


async def test_run_goes_on_with_the_decision_and_what_it_used_before() -> None:
    """Tokens add up."""
    resumption = Resumption(decision=Decision(text="yes"), usage=USED)
    outcome = await resumed(resumption, model=FakeModel(["Done."]))
    assert outcome.status is RunStatus.COMPLETED
    assert outcome.usage.prompt_tokens == 110
    assert outcome.usage.completion_tokens > 50


async def test_longest_answer_counts_what_was_written_before_and_was_not_lost() -> None:
    """What a lost worker used is told, and is written again: it leaves the answer its length."""
    decision, limit = Decision(text="yes"), 100
    used = TokenUsage(completion_tokens=limit)
    for written, code in ((limit, RunErrorCode.TOO_MANY_TOKENS), (limit // 2, None), (0, None)):
        resumption = Resumption(decision=decision, usage=used, written=written)
        outcome = await resumed(resumption, model=FakeModel(["Done."]), max_tokens=limit)
        assert (outcome.error and outcome.error.code) is code
        assert outcome.usage.completion_tokens >= limit


async def test_patience_that_ended_ends_the_answer_incomplete() -> None:
    """With words of its own; the model is not asked."""
    model = FakeModel(["never"])
    outcome = await resumed(Resumption(decision=Decision(has_expired=True)), model=model)
    assert (outcome.status, code_of(outcome)) == (RunStatus.INCOMPLETE, RunErrorCode.UNANSWERED)
    assert outcome.error is not None
    assert outcome.error.message.startswith("Nobody answered")
    assert model.asked == []


async def test_time_limit_counts_the_time_of_work_alone() -> None:
    """Of all attempts that were suspended together."""
    decision = Decision(text="yes")
    outcome = await resumed(
        Resumption(decision=decision, worked=59), model=FakeModel(["Done."]), timeout=60
    )
    assert outcome.status is RunStatus.COMPLETED
    outcome = await resumed(
        Resumption(decision=decision, worked=61), model=FakeModel(["Done."]), timeout=60
    )
    assert code_of(outcome) is RunErrorCode.RUN_TIMEOUT
