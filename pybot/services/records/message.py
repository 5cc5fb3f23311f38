"""A message without its parts."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from pybot.services.records.run import RunError


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


class Message(Struct, frozen=True, kw_only=True):
    """A message without its parts, which are in the history or, in progress, in the log."""

    id: str
    # The branch that it lies on.
    branch: str = "0"
    # How many messages precede it on its path.
    position: int = 0
    # How many entries of its branch's history precede its own. A message has several entries.
    offset: int = 0
    role: MessageRole
    status: MessageStatus
    # The run that writes it; None for a user's message.
    run_id: str | None = None
    # The message before it; None for a first message. Messages with one parent are versions.
    parent_id: str | None = None
    # Why the answer is FAILED or INCOMPLETE; shown as its last part.
    error: RunError | None = None
    created_at: datetime
    completed_at: datetime | None = None
