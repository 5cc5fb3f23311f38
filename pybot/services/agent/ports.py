"""What the agent needs of the world: the log it writes to, a kernel, a store for bytes.

Beside these it takes `llm.base.ChatModel`. It holds no client, so that with four fakes a whole
run is a unit test.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from msgspec import Struct

from pybot.services.events import Event
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
    def holds(self) -> bool:
        """Whether no other worker can have taken the run up, as far as is known without asking."""
        ...

    async def flush(self) -> None:
        """Wait until everything that was emitted is in the log, and the fence still holds.

        The agent does so before it hands code to the kernel: a cell that has started is known
        as started, and a stale worker touches no kernel.
        """
        ...

    def note_usage(self, usage: TokenUsage) -> None:
        """Note the tokens used so far: a run that is cancelled has no Outcome to say them."""
        ...

    async def phase(self, phase: RunPhase) -> None:
        """Say what the run is doing (RunChanged); nothing happens when it is told already."""
        ...

    async def commit(self, step: Step) -> None:
        """Write a finished part to the history, with the events that say so, atomically."""
        ...


class RunKernel(Protocol):
    """The conversation's kernel. Raises kernels.base.KernelUnavailable and KernelDied.

    Where its user restarted it or shut it down, that is KernelEndedByUser.
    """

    async def ensure_started(self) -> int:
        """Start the kernel unless it lives; the generation that is then there."""
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

    async def put(self, media_type: str, data: bytes) -> str:
        """Keep bytes of the run's conversation; their digest, the same for the same bytes."""
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


class Assignment(Struct, frozen=True, kw_only=True):
    """An answer that is to be written.

    `history` is what was said before, oldest first, the question last, without the answer's own
    message. `parts` is what is there of the answer, folded from the log, when another worker
    began it; the first `committed` of them are in the history already. The others are redone
    (the caller says so with MessageChanged.kept_parts), except for a cell that had started:
    it is followed to its end where its kernel lives, else it ends INTERRUPTED, and the model is
    told.
    """

    run_id: str
    message_id: str
    history: Sequence[PastMessage]
    instructions: str = ""
    parts: tuple[Part, ...] = ()
    committed: int = 0


class Outcome(Struct, frozen=True, kw_only=True):
    """How a run ended. The parts are all committed by then."""

    status: RunStatus
    error: RunError | None = None
    usage: TokenUsage = TokenUsage()
