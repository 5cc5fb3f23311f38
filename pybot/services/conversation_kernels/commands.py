"""The commands on the kernels of conversations, and the notices of their provider."""

import asyncio
import logging
from datetime import UTC, datetime
from operator import itemgetter

from msgspec.structs import replace

from pybot.errors import Conflict, NotFound, Unavailable
from pybot.services.conversation_kernels.lifecycle import KernelLifecycle
from pybot.services.conversation_kernels.port import ConversationKernel
from pybot.services.conversation_kernels.records import ALIVE, RUNNING, KernelRecords, with_status
from pybot.services.conversations.gate import NO_CONVERSATION, Gate
from pybot.services.conversations.snapshots import Snapshot, Snapshots
from pybot.services.kernels.base import KernelDied, Kernels, KernelUnavailable
from pybot.services.records import Kernel, KernelStatus, Viewer
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client
from pybot.services.store.requests import CARRIED_OUT, Request
from pybot.services.store.write import Refused
from pybot.services.values.instants import milliseconds, now

logger = logging.getLogger(__name__)

NOT_RUNNING = "The kernel is not running: the next code starts one."
NOT_RESTARTED = "The kernel could not be restarted: the next code starts one."
NOTICES_RETRY = 1.0  # seconds until the provider is asked again after an outage
# A kernel that was needed, and is not alive so long after, was not started.
NEVER_STARTED = 60_000  # ms
NEVER = datetime.min.replace(tzinfo=UTC)


class ConversationKernels:
    """The kernels of conversations.

    A restart that takes longer than `restart_timeout` seconds counts as lost with its server.
    """

    def __init__(
        self,
        client: Client,
        appender: Appender,
        gate: Gate,
        snapshots: Snapshots,
        provider: Kernels,
        *,
        restart_timeout: float,
    ) -> None:
        self._client = client
        self._gate = gate
        self._snapshots = snapshots
        self.records = KernelRecords(client, appender)
        self.lifecycle = KernelLifecycle(self.records, provider, restart_timeout)

    @property
    def provider(self) -> Kernels:
        """The provider, which runs the processes."""
        return self.lifecycle.provider

    def of(self, viewer: Viewer, conversation_id: str) -> ConversationKernel:
        """The kernel of a conversation, as a run uses it."""
        return ConversationKernel(self.lifecycle, viewer, conversation_id)

    async def alive(self, viewer: Viewer) -> list[Snapshot]:
        """The conversations whose kernel is alive, the one that ran code last first."""
        needed = await self.records.needed(viewer)
        found: list[tuple[datetime, Snapshot]] = []
        unused: dict[str, int] = {}
        opened = await self._snapshots.open_each(viewer, list(needed))
        for (conversation_id, noted), snapshot in zip(needed.items(), opened, strict=True):
            kernel = snapshot.kernel if snapshot else None
            if snapshot and kernel and kernel.status in ALIVE:
                found.append((kernel.last_activity_at or NEVER, snapshot))
            elif noted < milliseconds(now()) - NEVER_STARTED:
                unused[conversation_id] = noted
        await self.records.forget_needed(viewer, unused)
        return [each for _, each in sorted(found, key=itemgetter(0), reverse=True)]

    async def interrupt(self, viewer: Viewer, conversation_id: str) -> Kernel:
        """Interrupt the code that the kernel runs; raises Conflict when none is running."""
        kernel = (await self._gate.open(viewer, conversation_id)).kernel
        if kernel is None or kernel.status not in RUNNING:
            raise Conflict(NOT_RUNNING, ("conversationId",))
        try:
            await self.provider.interrupt(str(kernel.kernel_id))
        except KernelDied:
            await self.record_end(conversation_id, str(kernel.kernel_id), KernelStatus.DEAD)
            return await self.records.load(conversation_id) or kernel
        except KernelUnavailable as error:
            raise Unavailable(str(error)) from None
        return kernel

    async def restart(
        self, viewer: Viewer, conversation_id: str, *, idempotency_key: str | None = None
    ) -> Kernel:
        """Restart the kernel: all variables are lost, files stay.

        A request that comes during a restart waits for it, and counts as carried out by it.
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
                return await self._unchanged(kernel, request)
            if kernel is None or not (is_lost or kernel.status in RUNNING):
                raise Conflict(NOT_RUNNING, ("conversationId",))
            if begun := await self._begin_restart(kernel, request, is_recorded=was_asked):
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

        # Recorded first, so that the run whose code is in it knows why the process ends.
        kernel = await self.records.change(conversation_id, stopped)
        if kernel is None:
            raise NotFound(NO_CONVERSATION, ("conversationId",))
        if ended and ended[0].kernel_id is not None:
            await self._end(ended[0], kernel)
        return kernel

    async def end_deleted(self, conversation_id: str) -> None:
        """End the kernel of a conversation that was deleted."""
        kernel = await self.records.load(conversation_id)
        if kernel is not None and kernel.kernel_id is not None:
            await self.lifecycle.end(kernel.kernel_id)

    async def aclose(self) -> None:
        """Cancel starts and restarts in progress."""
        await self.lifecycle.aclose()

    async def watch(self) -> None:
        """Record which kernels died or were culled, by the provider's notices; until cancelled."""
        while True:
            try:
                async for notice in self.provider.notices():
                    status = (
                        KernelStatus.STOPPED if notice.status == "culled" else KernelStatus.DEAD
                    )
                    await self.record_end(notice.conversation_id, notice.kernel_id, status)
            except (KernelUnavailable, Unavailable, OSError) as error:
                logger.debug("notices of kernels are interrupted: %s", error)
            await asyncio.sleep(NOTICES_RETRY)

    async def _begin_restart(
        self, kernel: Kernel, request: Request, *, is_recorded: bool
    ) -> Kernel | None:
        """Set the record to RESTARTING; None when the record had changed meanwhile."""
        mine = replace(
            with_status(kernel, KernelStatus.RESTARTING), ended_by_user=kernel.generation
        )

        is_first = False  # another one's record of the same millisecond is equal to this one

        def restarting(before: Kernel | None) -> Kernel | None:
            nonlocal is_first
            is_first = before == kernel
            return mine if is_first else before

        extend = None if is_recorded else request.record_in
        try:
            await self.records.change(kernel.conversation_id, restarting, extend)
        except Refused as refused:
            if refused.label != CARRIED_OUT:
                raise
            request.check(refused.actual)
            return None
        return mine if is_first else None

    async def _restart(self, begun: Kernel, viewer: Viewer, request: Request) -> Kernel:
        try:
            return await self.lifecycle.restart(begun, viewer.username, request.remove_from)
        except KernelUnavailable as error:
            raise Unavailable(str(error)) from None
        except KernelDied:
            return await self.records.load(begun.conversation_id) or begun

    async def _join(self, restarting: Kernel, request: Request) -> bool:
        """Record that a restart in progress carries out this request too; False when it is over."""
        if not request.has_key:
            return True
        try:
            return await self.records.write_if_same(restarting, request.record_in)
        except Refused as refused:
            if refused.label != CARRIED_OUT:
                raise
            request.check(refused.actual)
            return True

    async def _restarted(self, restarting: Kernel, request: Request) -> Kernel | None:
        """The kernel after another request's restart; raises Unavailable when that failed."""
        kernel = await self.lifecycle.wait_until_restarted(restarting.conversation_id)
        if kernel is not None and kernel.status is KernelStatus.DEAD:
            await self.records.write_if_same(kernel, request.remove_from)
            raise Unavailable(NOT_RESTARTED)
        return kernel

    async def _unchanged(self, kernel: Kernel, request: Request) -> Kernel:
        """The kernel as it is now, for a request that was carried out before."""
        # It may have failed after the first check, and removed its record.
        is_dead = kernel.status is KernelStatus.DEAD
        if is_dead and request.has_key and not await request.was_carried_out(self._client):
            raise Unavailable(NOT_RESTARTED)
        return kernel

    async def _end(self, running: Kernel, stopped: Kernel) -> None:
        """End the process of a kernel; put its record back when the provider cannot end it."""

        def put_back(before: Kernel | None) -> Kernel | None:
            return running if before == stopped else before

        try:
            await self.provider.shutdown(str(running.kernel_id))
        except KernelUnavailable as error:
            await self.records.change(running.conversation_id, put_back)
            raise Unavailable(str(error)) from None

    async def record_end(self, conversation_id: str, kernel_id: str, status: KernelStatus) -> None:
        """Set the status of a process that is gone, unless the record names another one."""

        def ended(before: Kernel | None) -> Kernel | None:
            if before is None or before.kernel_id != kernel_id or before.status not in RUNNING:
                return before
            return with_status(before, status)

        try:
            await self.records.change(conversation_id, ended)
        except NotFound:
            logger.debug("conversation=%s is gone with its kernel", conversation_id)
