"""The kernel of one conversation, for the run that uses it and the commands that renew it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from msgspec.structs import replace

from pybot.services.instants import now
from pybot.services.kernels.base import KernelDied, KernelUnavailable, Reaction
from pybot.services.records import Kernel, KernelStatus, Viewer

if TYPE_CHECKING:
    from pybot.services.live_kernels import LiveKernels

RUNNING = (KernelStatus.IDLE, KernelStatus.BUSY)


class ConversationKernel:
    """The kernel of one conversation: the agent's port."""

    def __init__(self, kernels: "LiveKernels", viewer: Viewer, conversation_id: str) -> None:
        self._kernels = kernels
        self._provider = kernels.provider
        self._viewer = viewer
        self._conversation_id = conversation_id

    async def ensure_started(self) -> int:
        """Start the kernel unless it lives; the generation that is then there."""
        kernel = await self._kernels.load(self._conversation_id)
        alive = (
            kernel is not None
            and kernel.kernel_id is not None
            and await self._provider.is_alive(kernel.kernel_id)
        )
        if kernel is not None and alive:
            return kernel.generation
        kernel = await self._kernels.started_once(self._conversation_id, self._started)
        return kernel.generation

    def execute(self, code: str, *, message_id: str) -> AsyncGenerator[Reaction]:
        """Run code in the kernel that lives; raises KernelDied when it does not."""
        return self._busy(lambda it: self._provider.execute(it, code, message_id=message_id))

    def follow(self, *, message_id: str) -> AsyncGenerator[Reaction]:
        """What still comes of code that a lost worker sent; raises KernelDied likewise."""
        return self._busy(lambda it: self._provider.follow(it, message_id=message_id))

    async def is_alive(self, generation: int | None) -> bool:
        """Whether the kernel of this generation is still there."""
        kernel = await self._kernels.load(self._conversation_id)
        if kernel is None or kernel.kernel_id is None or kernel.generation != generation:
            return False
        return await self._provider.is_alive(kernel.kernel_id)

    async def _busy(
        self, begin: Callable[[str], AsyncGenerator[Reaction]]
    ) -> AsyncGenerator[Reaction]:
        """What the kernel gives, by its ID, which is busy meanwhile."""
        kernel = await self._kernels.load(self._conversation_id)
        if kernel is None or kernel.kernel_id is None:
            raise KernelDied("The kernel was shut down.")
        kernel_id = kernel.kernel_id
        await self._set_status(kernel_id, KernelStatus.BUSY)
        try:
            async with aclosing(begin(kernel_id)) as executing:
                async for reaction in executing:
                    yield reaction
        except KernelDied:
            await self._set_status(kernel_id, KernelStatus.DEAD)
            raise
        else:
            await self._set_status(kernel_id, KernelStatus.IDLE)

    async def interrupt(self) -> None:
        """Interrupt what runs; nothing happens to an idle kernel."""
        kernel = await self._kernels.load(self._conversation_id)
        if kernel is not None and kernel.kernel_id is not None:
            await self._provider.interrupt(kernel.kernel_id)
            await self._set_status(kernel.kernel_id, KernelStatus.IDLE)

    async def restart(self) -> None:
        """Restart the kernel and wait until it answers."""
        kernel = await self._kernels.load(self._conversation_id)
        if kernel is None or kernel.kernel_id is None:
            await self._started()
        else:
            await self.restarted(kernel)

    async def restarted(self, kernel: Kernel) -> Kernel:
        """A running kernel, restarted; one that is gone is started anew."""
        kernel_id = str(kernel.kernel_id)
        await self._set_status(kernel_id, KernelStatus.RESTARTING)
        try:
            await self._provider.restart(kernel_id)
        except KernelDied:
            return await self._started()
        except KernelUnavailable:
            await self._set_status(kernel_id, KernelStatus.DEAD)
            raise
        generation = await self._kernels.next_generation(self._conversation_id)
        return await self._put(KernelStatus.IDLE, generation, kernel_id)

    async def _started(self) -> Kernel:
        generation = await self._kernels.next_generation(self._conversation_id)
        await self._put(KernelStatus.STARTING, generation, None)
        try:
            kernel_id = await self._provider.start(self._conversation_id, self._viewer.username)
        except KernelUnavailable:
            await self._put(KernelStatus.DEAD, generation, None)
            raise
        return await self._put(KernelStatus.IDLE, generation, kernel_id)

    async def _put(self, status: KernelStatus, generation: int, kernel_id: str | None) -> Kernel:
        def put(before: Kernel | None) -> Kernel:
            return Kernel(
                conversation_id=self._conversation_id,
                status=status,
                generation=generation,
                kernel_id=kernel_id,
                last_activity_at=before.last_activity_at if before else None,
            )

        await self._kernels.change(self._conversation_id, put)
        return put(None)

    async def _set_status(self, kernel_id: str, status: KernelStatus) -> None:
        """Say how the kernel is, unless it is another one by now."""

        def changed(before: Kernel | None) -> Kernel | None:
            if before is None or before.kernel_id != kernel_id or before.status is status:
                return before
            gone = status is KernelStatus.DEAD
            return replace(
                before,
                status=status,
                kernel_id=None if gone else kernel_id,
                last_activity_at=now() if status in RUNNING else before.last_activity_at,
            )

        await self._kernels.change(self._conversation_id, changed)
