"""A conversation, and the branches of its tree of messages."""

from datetime import datetime

from msgspec import Struct


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


class Branch(Struct, frozen=True, kw_only=True):
    """What comes after the first `fork` messages of a path that ends with the branch `parent`."""

    parent: str
    fork: int
