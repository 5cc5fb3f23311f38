"""The port through which Pybot speaks with Jupyter kernels."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Annotated, Any, Literal, Protocol

from msgspec import Meta, Struct

from pybot.services.records import StreamName


class Started(Struct, frozen=True):
    """The kernel took the code."""

    execution_count: int


class Printed(Struct, frozen=True):
    """A piece of text on a stream."""

    name: StreamName
    text: str


Length = Annotated[int, Meta(ge=1, le=65_535)]


class Size(Struct, frozen=True):
    """How large an image is to be shown, in CSS pixels."""

    width: Length
    height: Length


class Displayed(Struct, frozen=True):
    """Something was shown: a MIME bundle, binary types as base64 text (as on the wire).

    `sizes` has those of its media types that say how large they are to be shown, here and below.
    """

    bundle: Mapping[str, Any]
    display_id: str | None = None
    sizes: Mapping[str, Size] = {}


class DisplayUpdated(Struct, frozen=True):
    """What was shown under `display_id` (in this or an earlier cell) is replaced."""

    bundle: Mapping[str, Any]
    display_id: str
    sizes: Mapping[str, Size] = {}


class Returned(Struct, frozen=True):
    """The value of the last expression."""

    execution_count: int
    bundle: Mapping[str, Any]
    sizes: Mapping[str, Size] = {}


class Raised(Struct, frozen=True):
    """An exception ended the code."""

    ename: str
    evalue: str
    traceback: tuple[str, ...]


class Cleared(Struct, frozen=True):
    """`clear_output`: now, or with `wait` when the next output comes."""

    wait: bool


class Done(Struct, frozen=True):
    """The kernel is done with the code (its reply and its idle status have both come)."""

    status: Literal["ok", "error", "aborted"]
    execution_count: int | None = None


Reaction = Started | Printed | Displayed | DisplayUpdated | Returned | Raised | Cleared | Done


class KernelUnavailable(Exception):
    """No kernel could be started, or its provider is out of reach; the message says what to do."""


class KernelDied(Exception):
    """The kernel is gone (killed, culled, out of memory): its variables are lost."""


class KernelEndedByUser(KernelDied):
    """The kernel is gone because its user restarted it or shut it down. No adapter raises it."""

    def __init__(self, action: Literal["restarted", "shut down"]) -> None:
        super().__init__(f"The kernel was {action}, and its variables are lost.")
        self.action = action


class KernelNotice(Struct, frozen=True):
    """A notice of a provider, without a request: a kernel was culled, or it died."""

    conversation_id: str
    kernel_id: str
    status: Literal["culled", "died"]


class Kernels(Protocol):
    """A provider of kernels. Every adapter passes `tests/contracts/test_kernels.py`.

    Raises KernelUnavailable where the provider cannot do what is asked,
    KernelDied where the kernel that is named is gone.
    """

    async def start(self, conversation_id: str, username: str) -> str:
        """Start a kernel in the conversation's folder, wait until it answers, give its ID."""
        ...

    def execute(self, kernel_id: str, code: str, *, message_id: str) -> AsyncGenerator[Reaction]:
        """Run code and give what comes of it, in order, `Done` last.

        `message_id` is the Jupyter message ID to execute under, stored by the caller before.
        Closing the iterator leaves the code running: interrupt it first. Raises KernelDied
        within a few seconds of the kernel's end, also when the kernel falls silent, and also
        when `restart` or `shutdown` was called.
        """
        ...

    def follow(self, kernel_id: str, *, message_id: str) -> AsyncGenerator[Reaction]:
        """What still comes of code that another process gave to the kernel, `Done` last.

        What came before may be missing. Ends without `Done` when the code has ended already, or
        never came to the kernel; the two look alike. Raises KernelDied like `execute`.
        """
        ...

    async def interrupt(self, kernel_id: str) -> None:
        """Interrupt what the kernel runs; nothing happens to an idle one."""
        ...

    async def restart(self, kernel_id: str) -> None:
        """Restart the kernel under the same ID and wait until it answers."""
        ...

    async def shutdown(self, kernel_id: str) -> None:
        """End the kernel; one that is gone already is no error."""
        ...

    async def is_alive(self, kernel_id: str) -> bool:
        """Whether the kernel's process lives."""
        ...

    def notices(self) -> AsyncIterator[KernelNotice]:
        """Notices of kernels that were culled or died, for as long as the iterator is read."""
        ...

    async def check(self) -> None:
        """Raise KernelUnavailable, with what to do, unless the provider answers."""
        ...

    async def aclose(self) -> None:
        """Close the connections; kernels go on."""
        ...
