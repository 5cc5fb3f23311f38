"""A conversation, and the branches of its tree of messages."""

from datetime import datetime

from msgspec import Struct


class Conversation(Struct, frozen=True, kw_only=True):
    """The metadata of a conversation."""

    id: str
    # The user name of the owner.
    owner: str
    title: str
    pinned: bool = False
    archived: bool = False
    # The name of the chat model that answers.
    model: str
    # What the user adds to the system prompt.
    instructions: str = ""
    created_at: datetime
    # Set by a change of these fields, and when a run starts or ends; the list is sorted by it.
    updated_at: datetime
    # The branch at the end of the active path, and how many messages that path has.
    branch: str = "0"
    length: int = 0
    # The run that is queued, in progress or suspended; a conversation has at most one.
    active_run_id: str | None = None


class Branch(Struct, frozen=True, kw_only=True):
    """Where a branch leaves its parent."""

    parent: str
    # How many messages of the parent's path precede the branch's first one.
    fork: int
