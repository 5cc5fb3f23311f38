"""The agent's four ports as scripted fakes that record their calls."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pybot.config import LimitSettings, LlmSettings, RunSettings, Settings
from pybot.errors import Superseded
from pybot.services.agent.loop import Tools, run_agent
from pybot.services.agent.ports import Assignment, Outcome, Resumption, Step, Suspension
from pybot.services.kernels.base import Done, KernelDied, Reaction, Started
from pybot.services.llm.base import Delta, ModelInfo, ModelRequest, ResponseEnd
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
from tests.services.agent.past_messages import Past, asked

MESSAGE_ID = "c.answer"
RUN_ID = "c.run"

# A piece of text, an exception, or something that happens (and may wait).
Item = str | Delta | ResponseEnd | Exception | asyncio.Event | Callable[[], None]


def text_of(code: str) -> str:
    """What a model writes to have code run."""
    return f"```python\n{code}\n```\n"


class FakeModel:
    """Plays one script a request; a stop sequence ends it as a service would."""

    name = "fake"

    def __init__(self, *scripts: Sequence[Item]) -> None:
        self.scripts = list(scripts)
        self.asked: list[ModelRequest] = []
        self.closed = 0
        self.waiting = asyncio.Event()

    async def generate(self, request: ModelRequest) -> AsyncGenerator[Delta | ResponseEnd]:
        self.asked.append(request)
        script = self.scripts[min(len(self.asked), len(self.scripts)) - 1]
        said, tokens = "", 0
        try:
            for item in script:
                if isinstance(item, ResponseEnd):
                    yield item
                    return
                for delta in await self._deltas(item):
                    tokens += 1
                    said += "" if delta.reasoning else delta.text
                    yield delta
                    if said.endswith(tuple(request.stop)):
                        yield _stopped(tokens)
                        return
            yield _stopped(tokens)
        finally:
            self.closed += 1

    async def _deltas(self, item: Item) -> list[Delta]:
        match item:
            case Exception():
                raise item
            case asyncio.Event():
                self.waiting.set()
                await item.wait()
                return []
            case Delta():
                return [item]
            case str():
                return [Delta(piece) for piece in _pieces(item)]
            case ResponseEnd():
                return []
            case _:
                item()
                return []

    async def info(self) -> ModelInfo:
        return ModelInfo(self.name, None, available=True)

    async def aclose(self) -> None:
        pass


def _stopped(tokens: int) -> ResponseEnd:
    return ResponseEnd("stop", TokenUsage(prompt_tokens=10, completion_tokens=tokens))


def _pieces(text: str) -> list[str]:
    """Tokens of four characters; line ends are tokens of their own, as stop sequences need."""
    lines = text.splitlines(keepends=True)
    cut = [line[i : i + 4] for line in lines for i in range(0, len(line), 4)]
    return [piece for piece in cut if piece]


class FakeKernel:
    """Plays reactions by code; code that is not scripted just ends."""

    def __init__(self, **scripts: Sequence[Reaction | Exception | asyncio.Event]) -> None:
        self.scripts: Mapping[str, Sequence[Reaction | Exception | asyncio.Event]] = scripts
        self.executed: list[str] = []
        self.message_ids: list[str] = []
        self.interrupts = 0
        self.restarts = 0
        self.generation = 0
        self.followed: Sequence[Reaction] = ()
        self.start_error: Exception | None = None
        self.start_gate: asyncio.Event | None = None
        self.starts = 0
        self.running = asyncio.Event()
        self.interrupted = asyncio.Event()
        self._lost: list[asyncio.Future[None]] = []

    async def ensure_started(self) -> int:
        self.starts += 1
        if self.start_gate is not None:
            await self.start_gate.wait()
        if self.start_error is not None:
            raise self.start_error
        self.generation = self.generation or 1
        return self.generation

    async def execute(self, code: str, *, message_id: str) -> AsyncGenerator[Reaction]:
        self.executed.append(code)
        self.message_ids.append(message_id)
        count = len(self.executed)
        yield Started(count)
        for item in self.scripts.get(code, ()):
            if isinstance(item, Exception):
                raise item
            if isinstance(item, asyncio.Event):
                await self._wait(item)
                continue
            yield item
            if isinstance(item, Done):
                return
        yield Done("ok", count)

    async def _wait(self, event: asyncio.Event) -> None:
        """Code that runs until something happens; a kernel that ends meanwhile takes it along."""
        self.running.set()
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lost.append(lost)
        waiting = asyncio.ensure_future(event.wait())
        either: set[asyncio.Future[Any]] = {waiting, lost}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not event.is_set():
                lost.result()
        finally:
            waiting.cancel()
            lost.cancel()

    def end(self, error: Exception) -> None:
        """End the process, with whatever it runs."""
        for lost in self._lost:
            if not lost.done():
                lost.set_exception(error)

    async def follow(self, *, message_id: str) -> AsyncGenerator[Reaction]:
        self.message_ids.append(message_id)
        for reaction in self.followed:
            yield reaction

    async def is_alive(self, generation: int | None) -> bool:
        return generation == self.generation

    async def interrupt(self) -> None:
        self.interrupts += 1
        self.interrupted.set()

    async def restart(self) -> None:
        self.restarts += 1
        self.generation += 1
        self.end(KernelDied("restarted"))


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
