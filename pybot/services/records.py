"""What services speak: immutable records, stored as JSON, independent of the GraphQL types.

IDs are hierarchical, so that an ID alone leads to the conversation whose owner is asked for:
`conversation` (32 hex digits), `conversation.run`, `conversation.message`,
`conversation.message.part` (a cell), `conversation.message.part.output`.
"""

import hashlib
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from msgspec import Struct


def new_id(*parents: str) -> str:
    """A new ID below `parents`."""
    return ".".join((*parents, uuid4().hex))


def conversation_of(object_id: str) -> str:
    """The ID of the conversation that an ID of a run, message, cell or output lies in."""
    return object_id.partition(".")[0]


class Viewer(Struct, frozen=True, kw_only=True):
    """The authenticated person of a request, as the trusted header names them."""

    username: str
    email: str | None = None
    display_name: str = ""

    @property
    def key(self) -> str:
        """The user name, hashed: safe in Redis keys, whatever characters it has."""
        return hashlib.sha256(self.username.encode()).hexdigest()[:32]


class MessageRole(StrEnum):
    """Who wrote a message."""

    USER = "USER"
    ASSISTANT = "ASSISTANT"


class MessageStatus(StrEnum):
    """How far a message is."""

    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    INCOMPLETE = "INCOMPLETE"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


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


class CellStatus(StrEnum):
    """How far the execution of a cell is."""

    WRITING = "WRITING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    INTERRUPTED = "INTERRUPTED"

    @property
    def ended(self) -> bool:
        """Whether nothing more will come from the kernel."""
        return self in (CellStatus.COMPLETED, CellStatus.FAILED, CellStatus.INTERRUPTED)


class KernelStatus(StrEnum):
    """How a kernel is."""

    STARTING = "STARTING"
    IDLE = "IDLE"
    BUSY = "BUSY"
    RESTARTING = "RESTARTING"
    STOPPED = "STOPPED"
    DEAD = "DEAD"


class StreamName(StrEnum):
    """The stream that text was printed to."""

    STDOUT = "STDOUT"
    STDERR = "STDERR"


class RunError(Struct, frozen=True, kw_only=True):
    """Why a run failed or stayed incomplete, for a person to read."""

    code: RunErrorCode
    message: str
    retryable: bool = True


class TokenUsage(Struct, frozen=True, kw_only=True):
    """The tokens that a run used."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Conversation(Struct, frozen=True, kw_only=True):
    """A conversation's metadata; `active_run_id` is the run that goes on.

    The active path ends with the branch `branch` and has `length` messages.
    """

    id: str
    owner: str
    title: str
    pinned: bool = False
    archived: bool = False
    model: str
    instructions: str = ""
    created_at: datetime
    updated_at: datetime
    branch: str = "0"
    length: int = 0
    active_run_id: str | None = None


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


class Representation(Struct, frozen=True, kw_only=True):
    """A thing in one media type: inline in `text` while it is small text, else stored under `blob`.

    JSON types are inline as their JSON text. `blob` is a digest that `Blobs.read` takes.
    """

    media_type: str
    byte_size: int
    text: str | None = None
    blob: str | None = None


class StreamOutput(Struct, frozen=True, kw_only=True, tag="stream"):
    """Text that was printed. `blob` has what was kept when `text` was cut."""

    index: int
    name: StreamName
    text: str
    truncated: bool = False
    blob: str | None = None


class DisplayOutput(Struct, frozen=True, kw_only=True, tag="display"):
    """Something that was shown, richest representation first."""

    index: int
    representations: tuple[Representation, ...]
    display_id: str | None = None
    truncated: bool = False


class ResultOutput(Struct, frozen=True, kw_only=True, tag="result"):
    """The value of a cell's last expression, richest representation first."""

    index: int
    execution_count: int
    representations: tuple[Representation, ...]
    truncated: bool = False


class ErrorOutput(Struct, frozen=True, kw_only=True, tag="error"):
    """An exception that was raised. `blob` has what was kept when it was cut."""

    index: int
    ename: str
    evalue: str
    traceback: tuple[str, ...]
    truncated: bool = False
    blob: str | None = None


Output = StreamOutput | DisplayOutput | ResultOutput | ErrorOutput


class Cell(Struct, frozen=True, kw_only=True):
    """Code with its outputs; its ID is its message's ID and its part's index."""

    id: str
    run_id: str | None
    source: str
    language: str = "python"
    status: CellStatus
    execution_count: int | None = None
    outputs: tuple[Output, ...] = ()
    revision: int = 0
    kernel_generation: int | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None

    @property
    def message_id(self) -> str:
        """The message that the cell is in."""
        return self.id.rpartition(".")[0]

    @property
    def part_index(self) -> int:
        """The position of the cell among its message's parts."""
        return int(self.id.rpartition(".")[2])


class TextPart(Struct, frozen=True, kw_only=True, tag="text"):
    """Markdown, or with `reasoning` what the model thought before it answered."""

    index: int
    text: str
    revision: int = 0
    reasoning: bool = False


class CellPart(Struct, frozen=True, kw_only=True, tag="cell"):
    """Code with its outputs."""

    index: int
    cell: Cell


class ErrorPart(Struct, frozen=True, kw_only=True, tag="error"):
    """Why a message broke off."""

    index: int
    error: RunError


Part = TextPart | CellPart | ErrorPart


class Message(Struct, frozen=True, kw_only=True):
    """A message without its parts, which the history has.

    `branch` is the one that it lies on, `position` how many messages precede it on its path, and
    `offset` how many entries of the branch precede its own.
    """

    id: str
    branch: str = "0"
    position: int = 0
    offset: int = 0
    role: MessageRole
    status: MessageStatus
    run_id: str | None = None
    parent_id: str | None = None
    error: RunError | None = None
    created_at: datetime
    completed_at: datetime | None = None


class Branch(Struct, frozen=True, kw_only=True):
    """What comes after the first `fork` messages of a path that ends with the branch `parent`."""

    parent: str
    fork: int


class Kernel(Struct, frozen=True, kw_only=True):
    """A conversation's kernel. `kernel_id` names the process at its provider, None without one.

    `since` is when its status last changed. `ended_by_user` is the generation of the newest
    process that its user restarted or shut down: code that ran in it was not ended by a fault.
    """

    conversation_id: str
    status: KernelStatus
    since: datetime | None = None
    ended_by_user: int = 0
    name: str = "python3"
    generation: int = 0
    kernel_id: str | None = None
    last_activity_at: datetime | None = None
