"""No provider of kernels: says so, with the next step, whenever one is needed."""

from collections.abc import AsyncGenerator
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
        self,
        kernel_id: str,  # noqa: ARG002
        code: str,  # noqa: ARG002
        *,
        message_id: str,  # noqa: ARG002
    ) -> AsyncGenerator[Reaction]:
        """No kernel lives here."""
        for reaction in self._none():
            yield reaction

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

    async def notices(self) -> AsyncGenerator[KernelNotice]:
        """Nothing ever happens."""
        nothing: tuple[KernelNotice, ...] = ()
        for notice in nothing:
            yield notice

    async def check(self) -> None:
        """Say what is missing."""
        raise KernelUnavailable(self._reason)

    async def aclose(self) -> None:
        """There is nothing to close."""

    def _none(self) -> tuple[Reaction, ...]:
        raise KernelDied(self._reason)
