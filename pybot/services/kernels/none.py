"""No provider of kernels: says so, with the next step, whenever one is needed."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import NoReturn

from pybot.services.kernels.base import KernelDied, KernelNotice, KernelUnavailable, Reaction


class NoKernels:
    """Stands where no provider is configured that this version can use."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def start(self, conversation_id: str, username: str) -> NoReturn:  # noqa: ARG002
        """There is nobody to start one."""
        raise KernelUnavailable(self._reason)

    async def execute(
        self, kernel_id: str, code: str, *, message_id: str  # noqa: ARG002
    ) -> AsyncGenerator[Reaction]:
        """No kernel lives here."""
        raise KernelDied(self._reason)
        yield  # makes this an asynchronous generator, as the port has it

    async def interrupt(self, kernel_id: str) -> NoReturn:  # noqa: ARG002
        """No kernel lives here."""
        raise KernelDied(self._reason)

    async def restart(self, kernel_id: str) -> NoReturn:  # noqa: ARG002
        """No kernel lives here."""
        raise KernelDied(self._reason)

    async def shutdown(self, kernel_id: str) -> None:
        """One that is gone already is no error."""

    async def is_alive(self, kernel_id: str) -> bool:  # noqa: ARG002
        """No kernel lives here."""
        return False

    async def notices(self) -> AsyncIterator[KernelNotice]:
        """Nothing ever happens."""
        return
        yield  # makes this an asynchronous generator, as the port has it

    async def check(self) -> None:
        """Say what is missing."""
        raise KernelUnavailable(self._reason)

    async def aclose(self) -> None:
        """There is nothing to close."""
