"""What viewers do with the kernels of their conversations, and what happens to these by itself."""

import asyncio
import logging

from msgspec.structs import replace

from pybot.errors import Conflict, NotFound, Unavailable
from pybot.services.conversation_kernels.lifecycle import KernelLifecycle
from pybot.services.conversation_kernels.port import ConversationKernel
from pybot.services.conversation_kernels.records import RUNNING, KernelRecords, with_status
from pybot.services.conversations.gate import NO_CONVERSATION, Gate
from pybot.services.kernels.base import KernelDied, Kernels, KernelUnavailable
from pybot.services.records import Kernel, KernelStatus, Viewer
from pybot.services.store.appender import Appender
from pybot.services.store.connection import Client
from pybot.services.store.requests import CARRIED_OUT, Request
from pybot.services.store.write import Refused

logger = logging.getLogger(__name__)

NOT_RUNNING = "The kernel is not running: the next code starts one."
NOT_RESTARTED = "The kernel could not be restarted: the next code starts one."
NOTICES_RETRY = 1.0


class ConversationKernels:
    """The kernels of conversations. A restart that takes `restart_timeout` seconds is lost."""

    def __init__(
        self,
        client: Client,
        appender: Appender,
        gate: Gate,
        provider: Kernels,
        *,
        restart_timeout: float,
    ) -> None:
        self._client = client
        self._gate = gate
        self.records = KernelRecords(client, appender)
        self.lifecycle = KernelLifecycle(self.records, provider, restart_timeout)

    @property
    def provider(self) -> Kernels:
        """What has the processes."""
        return self.lifecycle.provider

    def of(self, viewer: Viewer, conversation_id: str) -> ConversationKernel:
        """The kernel of a conversation, for a run."""
        return ConversationKernel(self.lifecycle, viewer, conversation_id)

    async def interrupt(self, viewer: Viewer, conversation_id: str) -> Kernel:
        """Interrupt the code that the kernel runs."""
        kernel = (await self._gate.open(viewer, conversation_id)).kernel
        if kernel is None or kernel.status not in RUNNING:
            raise Conflict(NOT_RUNNING, ("conversationId",))
        try:
            await self.provider.interrupt(str(kernel.kernel_id))
        except KernelDied:
            await self.gone(conversation_id, str(kernel.kernel_id), KernelStatus.DEAD)
            return await self.records.load(conversation_id) or kernel
        except KernelUnavailable as error:
            raise Unavailable(str(error)) from None
        return kernel

    async def restart(
        self, viewer: Viewer, conversation_id: str, *, idempotency_key: str | None = None
    ) -> Kernel:
        """Restart the kernel: all variables are lost, files stay.

        Whoever asks while it is being restarted waits for that, which is as good as another one.
        """
        await self._gate.open(viewer, conversation_id)
        request = Request.of(viewer, "restartKernel", idempotency_key, conversation_id, None)
        while True:
            was_asked = await request.was_carried_out(self._client)
            kernel = await self.records.load(conversation_id)
            if kernel is not None and self.lifecycle.is_restarting(kernel):
                if not was_asked and not await self._join(kernel, request):
                    continue
                kernel = await self._restarted(kernel, request)
                was_asked = True
            is_lost = kernel is not None and kernel.status is KernelStatus.RESTARTING
            if was_asked and kernel is not None and not is_lost:
                return await self._again(kernel, request)
            if kernel is None or not (is_lost or kernel.status in RUNNING):
                raise Conflict(NOT_RUNNING, ("conversationId",))
            if begun := await self._begin_restart(kernel, request, is_claimed=was_asked):
                return await self._restart(begun, viewer, request)

    async def shutdown(self, viewer: Viewer, conversation_id: str) -> Kernel:
        """End the kernel; the next code starts a new one."""
        if (await self._gate.open(viewer, conversation_id)).kernel is None:
            raise Conflict(NOT_RUNNING, ("conversationId",))
        ended: list[Kernel] = []

        def stopped(before: Kernel | None) -> Kernel | None:
            if before is None or before.status is KernelStatus.STOPPED:
                return before
            ended[:] = [before]
            after = with_status(before, KernelStatus.STOPPED)
            return replace(after, ended_by_user=before.generation)

        # It is said first, so that whoever follows its code knows why the process ends.
        kernel = await self.records.change(conversation_id, stopped)
        if kernel is None:
            raise NotFound(NO_CONVERSATION, ("conversationId",))
        if ended and ended[0].kernel_id is not None:
            await self._end(ended[0], kernel)
        return kernel

    async def forget(self, conversation_id: str) -> None:
        """End the kernel of a conversation that was deleted."""
        kernel = await self.records.load(conversation_id)
        if kernel is not None and kernel.kernel_id is not None:
            await self.lifecycle.end(kernel.kernel_id)

    async def aclose(self) -> None:
        """Wait for nothing more to start."""
        await self.lifecycle.aclose()

    async def watch(self) -> None:
        """Take note of what happens to kernels by itself, until cancelled."""
        while True:
            try:
                async for notice in self.provider.notices():
                    status = (
                        KernelStatus.STOPPED if notice.status == "culled" else KernelStatus.DEAD
                    )
                    await self.gone(notice.conversation_id, notice.kernel_id, status)
            except (KernelUnavailable, Unavailable, OSError) as error:
                logger.debug("notices of kernels are interrupted: %s", error)
            await asyncio.sleep(NOTICES_RETRY)

    async def _begin_restart(
        self, kernel: Kernel, request: Request, *, is_claimed: bool
    ) -> Kernel | None:
        """Say that the kernel is being restarted; None when somebody was faster."""

        mine = replace(
            with_status(kernel, KernelStatus.RESTARTING), ended_by_user=kernel.generation
        )

        is_first = False  # another one's record of the same millisecond is equal to this one

        def restarting(before: Kernel | None) -> Kernel | None:
            nonlocal is_first
            is_first = before == kernel
            return mine if is_first else before

        claim = None if is_claimed else request.claim
        try:
            await self.records.change(kernel.conversation_id, restarting, claim)
        except Refused as refused:
            if refused.label != CARRIED_OUT:
                raise
            request.check(refused.actual)
            return None
        return mine if is_first else None

    async def _restart(self, begun: Kernel, viewer: Viewer, request: Request) -> Kernel:
        try:
            return await self.lifecycle.restart(begun, viewer.username, request.withdraw)
        except KernelUnavailable as error:
            raise Unavailable(str(error)) from None
        except KernelDied:
            return await self.records.load(begun.conversation_id) or begun

    async def _join(self, restarting: Kernel, request: Request) -> bool:
        """Let a restart that goes on carry out this request too; False when it is over."""
        if not request.has_key:
            return True
        try:
            return await self.records.note(restarting, request.claim)
        except Refused as refused:
            if refused.label != CARRIED_OUT:
                raise
            request.check(refused.actual)
            return True

    async def _restarted(self, restarting: Kernel, request: Request) -> Kernel | None:
        """The kernel once another request's restart is over; raises Unavailable if it failed."""
        kernel = await self.lifecycle.settled(restarting.conversation_id)
        if kernel is not None and kernel.status is KernelStatus.DEAD:
            await self.records.note(kernel, request.withdraw)
            raise Unavailable(NOT_RESTARTED)
        return kernel

    async def _again(self, kernel: Kernel, request: Request) -> Kernel:
        """The kernel as it is, for a request that was carried out before."""
        # It may have failed between the two looks, and taken its record back.
        is_dead = kernel.status is KernelStatus.DEAD
        if is_dead and request.has_key and not await request.was_carried_out(self._client):
            raise Unavailable(NOT_RESTARTED)
        return kernel

    async def _end(self, running: Kernel, stopped: Kernel) -> None:
        """End the process of a kernel; its record is put back where its provider does not."""

        def as_before(before: Kernel | None) -> Kernel | None:
            return running if before == stopped else before

        try:
            await self.provider.shutdown(str(running.kernel_id))
        except KernelUnavailable as error:
            await self.records.change(running.conversation_id, as_before)
            raise Unavailable(str(error)) from None

    async def gone(self, conversation_id: str, kernel_id: str, status: KernelStatus) -> None:
        def ended(before: Kernel | None) -> Kernel | None:
            if before is None or before.kernel_id != kernel_id or before.status not in RUNNING:
                return before
            return with_status(before, status)

        try:
            await self.records.change(conversation_id, ended)
        except NotFound:
            logger.debug("conversation=%s is gone with its kernel", conversation_id)
