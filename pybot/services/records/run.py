"""A run: one attempt at an answer, and why it failed."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class RunStatus(StrEnum):
    """How far a run is. QUEUED and IN_PROGRESS go on; a run has each of the others for good."""

    QUEUED = "QUEUED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    INCOMPLETE = "INCOMPLETE"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self not in (RunStatus.QUEUED, RunStatus.IN_PROGRESS)


class RunPhase(StrEnum):
    """What a run in progress is doing; the last two are suspended."""

    WAITING_FOR_MODEL = "WAITING_FOR_MODEL"
    GENERATING = "GENERATING"
    STARTING_KERNEL = "STARTING_KERNEL"
    EXECUTING = "EXECUTING"
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    AWAITING_INPUT = "AWAITING_INPUT"


class RunErrorCode(StrEnum):
    """Why a run failed."""

    MODEL_UNAVAILABLE = "MODEL_UNAVAILABLE"
    MODEL_BUSY = "MODEL_BUSY"
    MODEL_INTERRUPTED = "MODEL_INTERRUPTED"
    CONTEXT_TOO_LONG = "CONTEXT_TOO_LONG"
    KERNEL_UNAVAILABLE = "KERNEL_UNAVAILABLE"
    KERNEL_DIED = "KERNEL_DIED"
    KERNEL_RESTARTED = "KERNEL_RESTARTED"
    EXECUTION_TIMEOUT = "EXECUTION_TIMEOUT"
    TOO_MANY_STEPS = "TOO_MANY_STEPS"
    TOO_MANY_TOKENS = "TOO_MANY_TOKENS"
    RUN_TIMEOUT = "RUN_TIMEOUT"
    WORKER_LOST = "WORKER_LOST"
    UNANSWERED = "UNANSWERED"
    INTERNAL = "INTERNAL"


class RunError(Struct, frozen=True, kw_only=True):
    """Why a run failed or stayed incomplete; `message` is for the user."""

    code: RunErrorCode
    message: str
    # Whether the same request may succeed later; else a setting or the request must change.
    retryable: bool = True


class TokenUsage(Struct, frozen=True, kw_only=True):
    """The tokens that a run used, all its requests to the model together."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Run(Struct, frozen=True, kw_only=True):
    """A run, which writes one message of the assistant."""

    id: str
    # The message that the run writes.
    message_id: str
    status: RunStatus
    # None while QUEUED, and once the run has ended.
    phase: RunPhase | None = None
    # Set when FAILED or INCOMPLETE.
    error: RunError | None = None
    # None until the run has ended or was suspended.
    usage: TokenUsage | None = None
    # How often a worker has taken the run up; 0 before the first. Writes of a run require it (the
    # fence), so that a worker that was replaced can write nothing.
    attempt: int = 0
    # The number, in the conversation's log, of the first event of the write that started the run:
    # its message is folded from there. 0 in records that come out of an event.
    first_seq: int = 0
    # When it was asked for.
    created_at: datetime
    # When it ended, whatever its status.
    completed_at: datetime | None = None

    @property
    def is_suspended(self) -> bool:
        """Whether it waits for a person, and no worker has it."""
        return self.phase in (RunPhase.AWAITING_APPROVAL, RunPhase.AWAITING_INPUT)
