"""The kernel of one conversation, for the run that uses it: the agent's `RunKernel`."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from pybot.services.conversation_kernels.lifecycle import KernelLifecycle
from pybot.services.conversation_kernels.records import RUNNING, is_same_process, with_status
from pybot.services.kernels.base import KernelDied, KernelEndedByUser, Reaction
from pybot.services.records import Kernel, KernelStatus, Viewer


class ConversationKernel:
    """The kernel of one conversation.

    Raises KernelUnavailable and KernelDied, and KernelEndedByUser where its user ended it.
    """

    def __init__(self, lifecycle: KernelLifecycle, viewer: Viewer, conversation_id: str) -> None:
        self._lifecycle = lifecycle
        self._records = lifecycle.records
        self._provider = lifecycle.provider
        self._viewer = viewer
        self._conversation_id = conversation_id

    async def ensure_started(self) -> int:
        """Start the kernel unless it is alive; its generation."""
        await self._records.note_needed(self._viewer, self._conversation_id)
        kernel = await self._lifecycle.wait_until_restarted(self._conversation_id)
        if kernel is None or not await self._is_alive(kernel):
            kernel = await self._lifecycle.start(self._conversation_id, self._viewer.username)
        return kernel.generation

    def execute(self, code: str, *, message_id: str) -> AsyncGenerator[Reaction]:
        """Run code in the kernel; raises KernelDied when it is not alive."""
        return self._busy(lambda it: self._provider.execute(it, code, message_id=message_id))

    def follow(self, *, message_id: str) -> AsyncGenerator[Reaction]:
        """The reactions that still come of code that a lost worker sent."""
        return self._busy(lambda it: self._provider.follow(it, message_id=message_id))

    async def is_alive(self, generation: int | None) -> bool:
        """Whether the kernel of this generation is still there."""
        kernel = await self._records.load(self._conversation_id)
        if kernel is None or kernel.generation != generation:
            return False
        return await self._is_alive(kernel)

    async def interrupt(self) -> None:
        """Interrupt what runs; nothing happens to an idle kernel."""
        kernel = await self._records.load(self._conversation_id)
        if kernel is not None and kernel.kernel_id is not None:
            await self._provider.interrupt(kernel.kernel_id)
            await self._records.set_status(kernel, KernelStatus.IDLE)

    async def restart(self) -> None:
        """Restart the kernel and wait until it answers; start it when it is gone."""

        def restarting(before: Kernel | None) -> Kernel | None:
            if before is None or before.status not in RUNNING:
                return before
            return with_status(before, KernelStatus.RESTARTING)

        await self._lifecycle.wait_until_restarted(self._conversation_id)
        kernel = await self._records.change(self._conversation_id, restarting)
        if kernel is None or kernel.status is not KernelStatus.RESTARTING:
            await self._lifecycle.start(self._conversation_id, self._viewer.username)
        else:
            await self._lifecycle.restart(kernel, self._viewer.username)

    async def _busy(
        self, begin: Callable[[str], AsyncGenerator[Reaction]]
    ) -> AsyncGenerator[Reaction]:
        """The reactions that `begin` gives for the kernel's ID; its status is BUSY meanwhile."""
        kernel = await self._lifecycle.wait_until_restarted(self._conversation_id)
        if kernel is None or kernel.kernel_id is None:
            raise _why_gone(kernel, kernel.generation if kernel else 0)
        await self._records.set_status(kernel, KernelStatus.BUSY)
        try:
            async with aclosing(begin(kernel.kernel_id)) as executing:
                async for reaction in executing:
                    yield reaction
        except KernelDied:
            raise _why_gone(await self._record_death(kernel), kernel.generation) from None
        else:
            await self._records.set_status(kernel, KernelStatus.IDLE)

    async def _is_alive(self, kernel: Kernel) -> bool:
        """Whether its process is alive; False when its restart was lost."""
        if kernel.kernel_id is None or kernel.status not in RUNNING:
            return False
        return await self._provider.is_alive(kernel.kernel_id)

    async def _record_death(self, kernel: Kernel) -> Kernel | None:
        """Set a kernel that died while it ran code to DEAD, unless a command ended it."""

        def dead(before: Kernel | None) -> Kernel | None:
            if before is None or not is_same_process(before, kernel):
                return before
            return with_status(before, KernelStatus.DEAD)

        return await self._records.change(self._conversation_id, dead)


def _why_gone(record: Kernel | None, generation: int) -> KernelDied:
    """Why the kernel of a generation is gone, as its record says."""
    if record is None or record.ended_by_user != generation:
        return KernelDied("The kernel is gone, and its variables with it.")
    return KernelEndedByUser("shut down" if record.status is KernelStatus.STOPPED else "restarted")
