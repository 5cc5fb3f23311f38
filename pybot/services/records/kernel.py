"""The live Python of a conversation."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class KernelStatus(StrEnum):
    """How a kernel is."""

    STARTING = "STARTING"
    IDLE = "IDLE"
    BUSY = "BUSY"
    RESTARTING = "RESTARTING"
    STOPPED = "STOPPED"
    DEAD = "DEAD"


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
