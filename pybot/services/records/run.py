"""A run: one attempt at an answer, and why it failed."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class RunStatus(StrEnum):
    """How far a run is."""

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
    """What a run in progress is doing."""

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
    INTERNAL = "INTERNAL"


class RunError(Struct, frozen=True, kw_only=True):
    """Why a run failed or stayed incomplete, for a person to read."""

    code: RunErrorCode
    message: str
    retryable: bool = True


class TokenUsage(Struct, frozen=True, kw_only=True):
    """The tokens that a run used."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Run(Struct, frozen=True, kw_only=True):
    """One answering attempt. `attempt` is the fence; `first_seq` its first event in the log."""

    id: str
    message_id: str
    status: RunStatus
    phase: RunPhase | None = None
    error: RunError | None = None
    usage: TokenUsage | None = None
    attempt: int = 0
    first_seq: int = 0
    created_at: datetime
    completed_at: datetime | None = None

    @property
    def is_suspended(self) -> bool:
        """Whether it waits for a person, and no worker has it."""
        return self.phase in (RunPhase.AWAITING_APPROVAL, RunPhase.AWAITING_INPUT)
