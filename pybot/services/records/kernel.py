"""The live Python of a conversation."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class KernelStatus(StrEnum):
    """How a kernel is. STOPPED: ended by its user or culled; DEAD: died, or failed to start."""

    STARTING = "STARTING"
    IDLE = "IDLE"
    BUSY = "BUSY"
    RESTARTING = "RESTARTING"
    STOPPED = "STOPPED"
    DEAD = "DEAD"


class Kernel(Struct, frozen=True, kw_only=True):
    """The kernel of a conversation as it is recorded; None before the first start."""

    conversation_id: str
    status: KernelStatus
    # When the status last changed.
    since: datetime | None = None
    # The generation of the newest process that the user restarted or shut down: code that it ran is
    # INCOMPLETE then, not FAILED.
    ended_by_user: int = 0
    # The Jupyter kernel spec.
    name: str = "python3"
    # How many processes the conversation has had, the present one included. Raised when a process
    # is started, also by a restart: variables of an older generation are lost.
    generation: int = 0
    # The ID of the process at its provider; None while there is none.
    kernel_id: str | None = None
    # When the process was started; None while there is none.
    started_at: datetime | None = None
    # When the kernel was last found running: at each change to IDLE or BUSY.
    last_activity_at: datetime | None = None
