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
