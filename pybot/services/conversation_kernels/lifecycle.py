"""Starts and restarts kernels at the provider, and updates their records meanwhile."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any

from msgspec.structs import replace

from pybot.errors import NotFound, PybotError
from pybot.services.background.tasks import cancel_and_wait, log_failure
from pybot.services.conversation_kernels.records import Extend, KernelRecords, with_status
from pybot.services.kernels.base import KernelDied, KernelEndedByUser, Kernels, KernelUnavailable
from pybot.services.records import Kernel, KernelStatus
from pybot.services.values.instants import now

logger = logging.getLogger(__name__)

# Seconds between two checks of the record of a kernel that another process restarts.
POLL_INTERVAL = 0.1
EXPECTED = (KernelUnavailable, KernelDied, PybotError)  # failures of a start


class KernelLifecycle:
    """Starts and restarts kernels; a start goes on when its caller is cancelled.

    A restart that takes longer than `restart_timeout` seconds counts as lost with its server.
    """

    def __init__(self, records: KernelRecords, provider: Kernels, restart_timeout: float) -> None:
        self.records = records
        self.provider = provider
        self._restart_timeout = timedelta(seconds=restart_timeout)
        self._tasks: dict[tuple[object, ...], asyncio.Task[Kernel]] = {}

    def is_restarting(self, kernel: Kernel | None) -> bool:
        """Whether a kernel is being restarted, and its restart does not count as lost."""
        if kernel is None or kernel.status is not KernelStatus.RESTARTING:
            return False
        return kernel.since is not None and now() - kernel.since < self._restart_timeout

    async def wait_until_restarted(self, conversation_id: str) -> Kernel | None:
        """The kernel's record, once no restart is in progress."""
        kernel = await self.records.load(conversation_id)
        while self.is_restarting(kernel):
            await asyncio.sleep(POLL_INTERVAL)
            kernel = await self.records.load(conversation_id)
        return kernel

    async def start(self, conversation_id: str, username: str) -> Kernel:
        """Start a kernel and wait until it answers; those who ask meanwhile get the same one.

        Raises KernelUnavailable, and KernelEndedByUser when it was shut down meanwhile.
        """
        key = (conversation_id,)
        return await self._finish(key, lambda: self._start(conversation_id, username))

    async def restart(
        self, restarting: Kernel, username: str, on_failure: Extend | None = None
    ) -> Kernel:
        """Restart a kernel whose record says RESTARTING already; the record as it is afterwards.

        `on_failure` extends the write that records a failure. Raises KernelUnavailable.
        """
        key = (restarting.conversation_id, restarting.since)
        return await self._finish(key, lambda: self._restart(restarting, username, on_failure))

    async def aclose(self) -> None:
        """Cancel starts and restarts in progress."""
        await cancel_and_wait(*self._tasks.values())

    async def _finish(
        self, key: tuple[object, ...], work: Callable[[], Coroutine[Any, Any, Kernel]]
    ) -> Kernel:
        """Run `work` to its end, once for each `key`, also when callers are cancelled."""
        task = self._tasks.get(key)
        if task is None:
            task = asyncio.create_task(work(), name=f"start kernel {key[0]}")
            self._tasks[key] = task
            task.add_done_callback(lambda _: self._tasks.pop(key))
            # Callers get its failure; when all of them were cancelled, only the log does.
            task.add_done_callback(partial(log_failure, expected=EXPECTED))
        return await asyncio.shield(task)

    async def _restart(
        self, restarting: Kernel, username: str, on_failure: Extend | None
    ) -> Kernel:
        try:
            if restarting.kernel_id is None:
                raise KernelDied
            await self.provider.restart(restarting.kernel_id)
        except KernelDied:
            return await self._start_in_place_of(restarting, username, on_failure)
        except KernelUnavailable:
            await self._replace(restarting, KernelStatus.DEAD, extend=on_failure)
            raise
        generation = await self.records.next_generation(restarting.conversation_id)
        after = replace(restarting, generation=generation, started_at=now())
        return await self._replace(restarting, KernelStatus.IDLE, after) or restarting

    async def _start_in_place_of(
        self, restarting: Kernel, username: str, on_failure: Extend | None
    ) -> Kernel:
        """Start a kernel instead of one that was gone, unless the record was changed meanwhile."""
        found = await self.records.load(restarting.conversation_id)
        if found is not None and found != restarting:
            return found
        status = KernelStatus.RESTARTING
        return await self._start(restarting.conversation_id, username, status, on_failure)

    async def _start(
        self,
        conversation_id: str,
        username: str,
        status: KernelStatus = KernelStatus.STARTING,
        on_failure: Extend | None = None,
    ) -> Kernel:
        generation = await self.records.next_generation(conversation_id)

        def starting(before: Kernel | None) -> Kernel:
            known = before or Kernel(conversation_id=conversation_id, status=status)
            unstarted = replace(known, generation=generation, kernel_id=None, started_at=None)
            return with_status(unstarted, status)

        mine = await self.records.change(conversation_id, starting)
        assert mine is not None
        try:
            kernel_id = await self.provider.start(conversation_id, username)
        except KernelUnavailable:
            await self._replace(mine, KernelStatus.DEAD, extend=on_failure)
            raise
        try:
            kernel = await self._replace(
                mine, KernelStatus.IDLE, replace(mine, kernel_id=kernel_id, started_at=now())
            )
        except NotFound:
            await self.end(kernel_id)
            raise
        if kernel is None or kernel.kernel_id != kernel_id:
            await self.end(kernel_id)
            if kernel is not None and kernel.ended_by_user == generation:
                raise KernelEndedByUser("shut down")
            raise KernelDied("Another kernel was started in its place.")
        return kernel

    async def end(self, kernel_id: str) -> None:
        """End a process that no record names; a provider out of reach culls it later."""
        try:
            await self.provider.shutdown(kernel_id)
        except KernelUnavailable as error:
            logger.warning("kernel %s is not ended: %s", kernel_id, error)

    async def _replace(
        self,
        mine: Kernel,
        status: KernelStatus,
        after: Kernel | None = None,
        extend: Extend | None = None,
    ) -> Kernel | None:
        """Replace the record `mine` by `after` with a status, unless it was changed meanwhile."""

        def replaced(before: Kernel | None) -> Kernel | None:
            return with_status(after or mine, status) if before == mine else before

        return await self.records.change(mine.conversation_id, replaced, extend)
