"""The agent's ports as scripted fakes that record their calls."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from pybot.config import LimitSettings, LlmSettings, RunSettings, Settings
from pybot.errors import Superseded
from pybot.services.agent.loop import Tools, run_agent
from pybot.services.agent.ports import Assignment, Outcome, Resumption, Step, Suspension
from pybot.services.llm.profiles import Profile
from pybot.services.records import (
    CellPart,
    Part,
    RunErrorCode,
    RunPhase,
    TextPart,
    TokenUsage,
)
from pybot.services.records.events import CellChanged, Event
from pybot.services.records.fold import Fold
from tests.services.agent.fake_kernel import FakeKernel
from tests.services.agent.fake_model import FakeModel
from tests.services.agent.past_messages import Past, asked

MESSAGE_ID = "c.answer"
RUN_ID = "c.run"


class FakeBlobs:
    """Keeps bytes by digest."""

    def __init__(self) -> None:
        self.data: dict[str, tuple[str, bytes]] = {}

    async def put(self, media_type: str, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.data[digest] = (media_type, data)
        return digest


@dataclass
class FakeLog:
    """Keeps events, phases and steps, and folds the events as every reader does."""

    events: list[Event] = field(default_factory=list[Event])
    phases: list[RunPhase] = field(default_factory=list[RunPhase])
    steps: list[Step] = field(default_factory=list[Step])
    fold: Fold = field(default_factory=Fold)
    flushes: int = 0
    usage: TokenUsage | None = None
    is_stale: bool = False
    has_lease: bool = True
    _reached: dict[RunPhase, asyncio.Event] = field(default_factory=dict[RunPhase, asyncio.Event])

    async def emit(self, *events: Event) -> None:
        self._check()
        for event in events:
            self.events.append(event)
            self.fold.apply(event)

    async def flush(self) -> None:
        self.flushes += 1  # what waits is written; nothing that waits meets no fence

    def note_usage(self, usage: TokenUsage) -> None:
        self.usage = usage

    async def phase(self, phase: RunPhase) -> None:
        if self.phases[-1:] != [phase]:
            self.phases.append(phase)
            self._reached.setdefault(phase, asyncio.Event()).set()

    async def reached(self, phase: RunPhase) -> None:
        """Wait for a phase."""
        await self._reached.setdefault(phase, asyncio.Event()).wait()

    async def commit(self, step: Step) -> None:
        await self.emit(*step.events)
        self.steps.append(step)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What was committed; it must be what the log's readers see."""
        parts = tuple(step.part for step in self.steps)
        assert parts == self.fold.parts(MESSAGE_ID)
        return parts

    @property
    def cell_states(self) -> list[str]:
        """The statuses that cells went through."""
        cells = [event.cell for event in self.events if isinstance(event, CellChanged)]
        return [cell.status.value for cell in cells]

    def _check(self) -> None:
        if self.is_stale:
            raise Superseded("stale")


def assignment(
    *history: Past,
    parts: tuple[Part, ...] = (),
    committed: int = 0,
    instructions: str = "",
    resumption: Resumption | None = None,
) -> Assignment:
    """An answer to write."""
    return Assignment(
        run_id=RUN_ID,
        message_id=MESSAGE_ID,
        history=history or (asked("Why?"),),
        instructions=instructions,
        parts=parts,
        committed=committed,
        resumption=resumption or Resumption(),
    )


def settings(**run: float) -> Settings:
    """Settings with other limits for runs."""
    return Settings(
        run=RunSettings.model_validate(run),
        limits=LimitSettings(),
        llm=LlmSettings(max_attempts=3),
    )


def tools(
    model: FakeModel, kernel: FakeKernel, log: FakeLog, *, window: int | None = None
) -> Tools:
    """The four ports."""
    profile = Profile(system="Be brief.", few_shot=(), temperature=0)
    return Tools(model, kernel, log, FakeBlobs(), profile, window)


def texts(parts: Sequence[Part]) -> list[str]:
    """What the text parts say."""
    return [part.text for part in parts if isinstance(part, TextPart)]


async def run(model: FakeModel, kernel: FakeKernel, log: FakeLog, **limits: float) -> Outcome:
    """Run the loop with short pauses."""
    return ended(
        await run_agent(
            tools(model, kernel, log), assignment(), settings(**limits), pause=0.001, grace=0.05
        )
    )


def ended(result: Outcome | Suspension) -> Outcome:
    """How a run ended that must have."""
    assert isinstance(result, Outcome)
    return result


def cell_of(part: Part) -> CellPart:
    """A part that must be a cell."""
    assert isinstance(part, CellPart)
    return part


def code_of(outcome: Outcome) -> RunErrorCode | None:
    """Why a run ended as it did."""
    return outcome.error.code if outcome.error else None
