"""The agent's loop: the model writes, the kernel runs, until an answer without code or a limit."""

import asyncio
from dataclasses import dataclass

from msgspec.structs import replace

from pybot.config import Settings
from pybot.errors import Superseded, Unavailable
from pybot.services.agent import failures
from pybot.services.agent.answer import Answer
from pybot.services.agent.execution import GRACE
from pybot.services.agent.executor import Executor
from pybot.services.agent.failures import RunNotCompleted
from pybot.services.agent.observations import last_generation
from pybot.services.agent.ports import (
    Assignment,
    BlobStore,
    Outcome,
    RunKernel,
    RunLog,
    Suspended,
    Suspension,
)
from pybot.services.agent.prompt import Prompt
from pybot.services.agent.resuming import lost_cell
from pybot.services.agent.writing import Writer, WrittenTurn
from pybot.services.background.tasks import finish_despite_cancel
from pybot.services.llm.base import ChatModel, ModelError
from pybot.services.llm.profiles import Profile
from pybot.services.records import RunErrorCode, RunStatus


@dataclass(frozen=True)
class Tools:
    """What a run works with. `window` is the model's context in tokens, None if unknown."""

    model: ChatModel
    kernel: RunKernel
    log: RunLog
    blobs: BlobStore
    profile: Profile
    window: int | None = None


async def run_agent(
    tools: Tools,
    assignment: Assignment,
    settings: Settings,
    *,
    pause: float = 0.5,
    grace: float = GRACE,
) -> Outcome | Suspension:
    """Write an answer to its end; each part is committed as it ends.

    `pause` is the first one in seconds when the model is busy, `grace` how many seconds interrupted
    code has to end before its kernel is restarted. Every expected failure is an Outcome. A
    Suspension means that the run waits for a person. When the task is cancelled, the model's stream
    is closed, the kernel interrupted, the open part committed, and CancelledError raised again.
    Raises errors.Superseded when another worker has taken the run up: then it touches nothing more.
    """
    return await _AgentRun(tools, assignment, settings, pause, grace).outcome()


class _AgentRun:
    """One run of the loop."""

    def __init__(
        self,
        tools: Tools,
        assignment: Assignment,
        settings: Settings,
        pause: float,
        grace: float,
    ) -> None:
        self._tools = tools
        self._assignment = assignment
        self._settings = settings
        self._pause = pause
        self._usage = assignment.resumption.usage
        self._answer = Answer(tools.log, assignment, max_cells=settings.run.max_steps)
        self._prompt = Prompt(
            tools.profile, assignment.history, assignment.instructions, tools.window
        )
        said = [part for past in assignment.history for part in past.parts]
        self._executor = Executor(
            tools.kernel,
            tools.log,
            tools.blobs,
            self._answer,
            limits=settings.limits,
            cell_timeout=settings.run.cell_timeout,
            grace=grace,
            before=last_generation([*said, *self._answer.parts]),
        )

    @property
    def _written(self) -> int:
        """The tokens that the model wrote; what a lost worker wrote is redone, and not counted."""
        before = self._assignment.resumption
        in_attempt = self._usage.completion_tokens - before.usage.completion_tokens
        return before.written + in_attempt

    async def outcome(self) -> Outcome | Suspension:
        limit = self._settings.run.timeout
        scope = asyncio.timeout(max(0, limit - self._assignment.resumption.worked))
        try:
            try:
                async with scope:
                    await self._write()
            except TimeoutError:
                if not scope.expired():
                    raise
                raise failures.run_timeout(limit) from None
        except Suspended as suspended:
            return Suspension(phase=suspended.phase, usage=self._usage, written=self._written)
        except RunNotCompleted as stopped:
            return replace(stopped.outcome, usage=self._usage)
        return Outcome(status=RunStatus.COMPLETED, usage=self._usage)

    async def _write(self) -> None:
        """Write the answer; when it ends early, commit the open part."""
        try:
            await self._steps()
        except (Superseded, Suspended, Unavailable):
            raise  # another attempt goes on from what is committed
        except BaseException:
            await finish_despite_cancel(self._answer.abandon())
            raise
        finally:
            await finish_despite_cancel(self._executor.aclose())

    async def _steps(self) -> None:
        decision = self._assignment.resumption.decision
        if decision is not None and decision.has_expired:
            raise failures.unanswered()
        lost = lost_cell(self._assignment)
        if lost is not None:
            await self._executor.follow_lost_cell(lost)
        while True:
            written = await self._turn()
            if written.is_cut:
                raise failures.too_many_tokens()
            if written.cell is None:
                await self._answer.end_text(at_end=True)
                if not self._answer.parts:
                    raise failures.no_answer()
                return
            await self._executor.run(written.cell)

    async def _turn(self) -> WrittenTurn:
        """One turn of the model; a second try with half the history when that was too long."""
        left = self._settings.run.max_tokens - self._written
        if left <= 0:
            raise failures.too_many_tokens()
        try:
            try:
                return await self._generate(left)
            except ModelError as error:
                if error.code is not RunErrorCode.CONTEXT_TOO_LONG or not self._prompt.halve():
                    raise
                return await self._generate(left)
        except ModelError as error:
            raise failures.model_failed(error) from error

    async def _generate(self, left: int) -> WrittenTurn:
        writer = Writer(
            self._tools.model,
            self._tools.log,
            self._answer,
            self._prompt,
            on_code=self._executor.prepare,
            on_usage=lambda used: self._tools.log.note_usage(self._usage + used),
            attempts=self._settings.llm.max_attempts,
            pause=self._pause,
        )
        fitted = self._prompt.fit(self._answer.parts, left)
        try:
            return await writer.write(fitted, self._tools.profile.temperature)
        finally:
            self._usage += writer.usage
