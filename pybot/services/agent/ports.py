"""The agent's ports: the log it writes to, a kernel, a store for bytes.

Beside these it takes `llm.base.ChatModel`. It holds no client, so that with four fakes a whole
run is a unit test.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from msgspec import Struct

from pybot.services.kernels.base import Reaction
from pybot.services.records import (
    CellPart,
    Message,
    Part,
    RunError,
    RunPhase,
    RunStatus,
    TextPart,
    TokenUsage,
)
from pybot.services.records.events import Event


class Step(Struct, frozen=True, kw_only=True):
    """A part that is finished, and goes to the history.

    `events` say so in the log and are written in the same atomic step, after everything emitted
    before. `observation` is what the model reads of a cell's outputs, None for text.
    """

    part: TextPart | CellPart
    events: tuple[Event, ...] = ()
    observation: str | None = None


class RunLog(Protocol):
    """Where a run writes, under its fence. Everything raises errors.Superseded once it is stale."""

    async def emit(self, *events: Event) -> None:
        """Append events in order; deltas may wait and be merged. Waits while the buffer is full."""
        ...

    @property
    def has_lease(self) -> bool:
        """Whether the lease has not expired: no other worker can have taken the run up."""
        ...

    async def flush(self) -> None:
        """Wait until everything that was emitted is in the log, and the run is still this worker's.

        The agent does so before it hands code to the kernel: a cell that has started is recorded as
        started, and a worker that lost the run touches no kernel.
        """
        ...

    def note_usage(self, usage: TokenUsage) -> None:
        """Note the tokens used so far, for a run that is cancelled and has no Outcome."""
        ...

    async def set_phase(self, phase: RunPhase) -> None:
        """Set the phase and publish it (RunChanged), unless it is the same."""
        ...

    async def commit(self, step: Step) -> None:
        """Write a finished part to the history, with the events that say so, atomically."""
        ...


class RunKernel(Protocol):
    """The conversation's kernel. Raises kernels.base.KernelUnavailable and KernelDied.

    Where its user restarted it or shut it down, that is KernelEndedByUser.
    """

    async def ensure_started(self) -> int:
        """Start the kernel unless it is alive; its generation."""
        ...

    def execute(self, code: str, *, message_id: str) -> AsyncIterator[Reaction]:
        """Run code under a Jupyter message ID; `Done` comes last. See kernels.base.Kernels."""
        ...

    def follow(self, *, message_id: str) -> AsyncIterator[Reaction]:
        """What still comes of code that a lost worker sent. See kernels.base.Kernels."""
        ...

    async def is_alive(self, generation: int | None) -> bool:
        """Whether the kernel of this generation is still there."""
        ...

    async def interrupt(self) -> None:
        """Interrupt what runs; nothing happens to an idle kernel."""
        ...

    async def restart(self) -> None:
        """Restart the kernel (its generation rises) and wait until it answers."""
        ...


class BlobStore(Protocol):
    """Where large or binary outputs go."""

    async def put(self, media_type: str, data: bytes) -> str | None:
        """Store bytes of the run's conversation; their digest, the same for the same bytes.

        None when the user's storage is full.
        """
        ...


class PastMessage(Protocol):
    """A message of the conversation with its parts (a `MessageView` is one)."""

    @property
    def message(self) -> Message:
        """The message."""
        ...

    @property
    def parts(self) -> tuple[Part, ...]:
        """Its parts."""
        ...


class Suspended(Exception):
    """Raised by a tool that waits for a person: the run goes on once there is a Decision."""

    def __init__(self, phase: RunPhase) -> None:
        super().__init__(phase)
        self.phase = phase


class Suspension(Struct, frozen=True, kw_only=True):
    """A run is to wait for a person: `phase` says for what, `usage` is what it used until then.

    `written` are the tokens that count for the longest answer.
    """

    phase: RunPhase
    usage: TokenUsage = TokenUsage()
    written: int = 0


class Decision(Struct, frozen=True, kw_only=True):
    """What ends a suspension: a person's `text` for the tool, or its time limit."""

    text: str = ""
    has_expired: bool = False


class Resumption(Struct, frozen=True, kw_only=True):
    """What a run did before this attempt: `worked` is in seconds, without time it was suspended.

    `usage` is all that it used, `written` what of it counts for the longest answer.
    """

    decision: Decision | None = None
    usage: TokenUsage = TokenUsage()
    written: int = 0
    worked: float = 0


class Assignment(Struct, frozen=True, kw_only=True):
    """An answer that is to be written.

    `history` is what was said before, oldest first, the question last, without the answer's own
    message. `parts` is what is there of the answer, folded from the log, when another worker
    began it; the first `committed` of them are in the history already. The others are redone
    (the caller says so with MessageChanged.kept_parts), except for a cell that had started:
    it is followed to its end where its kernel is alive, else it ends INTERRUPTED, and the model
    reads that. `resumption` is what the run did before it was suspended.
    """

    run_id: str
    message_id: str
    history: Sequence[PastMessage]
    instructions: str = ""
    parts: tuple[Part, ...] = ()
    committed: int = 0
    resumption: Resumption = Resumption()


class Outcome(Struct, frozen=True, kw_only=True):
    """How a run ended; all its parts are committed by then."""

    status: RunStatus
    error: RunError | None = None
    usage: TokenUsage = TokenUsage()
