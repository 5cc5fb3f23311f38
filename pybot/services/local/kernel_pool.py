"""All kernels of this machine: a limit on their number, and culling of idle ones."""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from uuid import uuid4

from pybot.services.background.tasks import log_failure
from pybot.services.kernels.base import KernelDied, KernelUnavailable
from pybot.services.kernels.owner_protocol import ConnectionInfo, KernelEnded
from pybot.services.local.kernel_launcher import KernelLauncher
from pybot.services.local.kernel_process import KernelProcess
from pybot.services.local.owner_config import OwnerConfig

log = logging.getLogger(__name__)

CULLS_PER_TIMEOUT = 4  # so a kernel is idle for 1.25 times the timeout at most
LONGEST_CULL_INTERVAL = 30.0  # seconds
GRACE = 1.0  # seconds for which a kernel that has just been started may wait for its code


class KernelPool:
    """Kernels by their IDs. `notify` is called for each that ends, for whatever reason."""

    def __init__(self, config: OwnerConfig, notify: Callable[[KernelEnded], None]) -> None:
        self._config = config
        self._notify = notify
        self._launcher = KernelLauncher(config)
        self._kernels: dict[str, KernelProcess] = {}
        self._endings: set[asyncio.Task[None]] = set()

    async def check(self) -> None:
        """Raise KernelUnavailable, with what to do, unless kernels can be started."""
        await self._launcher.check()

    async def start(self, conversation_id: str) -> str:
        """Start a kernel and wait until it answers; its ID. KernelUnavailable when it cannot."""
        await self._make_room()
        kernel_id = uuid4().hex
        kernel = KernelProcess(
            kernel_id, conversation_id, self._launcher, self._runtime(kernel_id), self._ended
        )
        self._kernels[kernel_id] = kernel
        try:
            async with kernel.lock:
                await kernel.start(self._config.start_timeout)
        except BaseException:
            self._forget(kernel)
            raise
        return kernel_id

    def open(self, kernel_id: str) -> ConnectionInfo:
        """Count a client of a kernel; where the kernel listens. KernelDied when it is gone."""
        kernel = self._get(kernel_id)
        if kernel.connection is None or not kernel.alive:
            raise KernelDied("The kernel is gone.")
        kernel.open_count += 1
        kernel.used_at = time.monotonic()
        return kernel.connection

    def close(self, kernel_id: str) -> None:
        """Stop counting a client of a kernel."""
        if kernel := self._kernels.get(kernel_id):
            kernel.open_count -= 1
            kernel.used_at = time.monotonic()

    async def interrupt(self, kernel_id: str) -> None:
        """Interrupt what a kernel runs. KernelDied when it is gone."""
        await self._get(kernel_id).interrupt()

    async def restart(self, kernel_id: str) -> None:
        """Restart a kernel under its ID. KernelDied when it is gone."""
        kernel = self._get(kernel_id)
        async with kernel.lock:
            if self._kernels.get(kernel_id) is not kernel:
                raise KernelDied("The kernel is gone.")
            await self._end(kernel, "restarted")
            try:
                await kernel.start(self._config.start_timeout)
            except BaseException:
                self._forget(kernel)
                raise
            kernel.used_at = time.monotonic()

    async def shutdown(self, kernel_id: str) -> None:
        """End a kernel; nothing happens to one that is gone."""
        if kernel := self._kernels.get(kernel_id):
            await self._remove(kernel, "shutdown")

    def alive(self, kernel_id: str) -> bool:
        """Whether a kernel's process lives."""
        kernel = self._kernels.get(kernel_id)
        return kernel is not None and kernel.alive

    async def cull_forever(self) -> None:
        """End the kernels that nobody has used for the idle timeout."""
        timeout = self._config.idle_timeout
        while True:
            await asyncio.sleep(min(LONGEST_CULL_INTERVAL, timeout / CULLS_PER_TIMEOUT))
            while idle := self._idle_for(timeout):
                log.info("Culling kernel %s: idle for %g s", idle[0].kernel_id, timeout)
                await self._remove(idle[0], "culled")

    async def aclose(self) -> None:
        """End all kernels."""
        await asyncio.gather(*(self._remove(kernel, "shutdown") for kernel in self._all()))
        await asyncio.gather(*self._endings)

    async def _make_room(self) -> None:
        """End the kernel that nobody has used for longest when there are as many as may be."""
        while len(self._kernels) >= self._config.max_kernels:
            idle = self._idle_for(GRACE)
            if not idle:
                raise KernelUnavailable(
                    f"All {self._config.max_kernels} kernels of this machine are in use: wait for "
                    "one, or raise KERNELS__MAX_KERNELS."
                )
            oldest = min(idle, key=lambda each: each.used_at)
            log.info("Culling kernel %s: another one needs its place", oldest.kernel_id)
            await self._remove(oldest, "culled")

    def _idle_for(self, seconds: float) -> list[KernelProcess]:
        """The kernels that nobody has used for so long."""
        limit = time.monotonic() - seconds
        return [
            kernel
            for kernel in self._all()
            if kernel.open_count <= 0 and kernel.used_at < limit and not kernel.lock.locked()
        ]

    def _all(self) -> list[KernelProcess]:
        return list(self._kernels.values())

    def _get(self, kernel_id: str) -> KernelProcess:
        try:
            return self._kernels[kernel_id]
        except KeyError:
            raise KernelDied("The kernel is gone.") from None

    def _runtime(self, kernel_id: str) -> Path:
        """A kernel's private folder, with a short name for the sockets' sake."""
        return self._config.folder / "k" / kernel_id[:8]

    def _forget(self, kernel: KernelProcess) -> None:
        self._kernels.pop(kernel.kernel_id, None)
        shutil.rmtree(self._runtime(kernel.kernel_id), ignore_errors=True)

    async def _end(
        self, kernel: KernelProcess, reason: Literal["culled", "restarted", "shutdown"]
    ) -> None:
        """End a kernel's process and notify of the reason."""
        if kernel.alive:
            kernel.reason = reason
        await kernel.stop(graceful=reason != "restarted")

    async def _remove(self, kernel: KernelProcess, reason: Literal["culled", "shutdown"]) -> None:
        async with kernel.lock:
            await self._end(kernel, reason)
            self._forget(kernel)

    def _ended(self, kernel: KernelProcess) -> None:
        """Notify that a process has ended, and remove it where it ended by itself."""
        if kernel.reason == "":
            return
        self._notify(
            KernelEnded(
                conversation_id=kernel.conversation_id,
                kernel_id=kernel.kernel_id,
                reason=kernel.reason,
            )
        )
        if kernel.reason == "died":
            log.warning("Kernel %s died", kernel.kernel_id)
            self._kernels.pop(kernel.kernel_id, None)
            name = f"clearing away of kernel {kernel.kernel_id}"
            ending = asyncio.create_task(self._clear(kernel), name=name)
            self._endings.add(ending)
            ending.add_done_callback(self._endings.discard)
            ending.add_done_callback(log_failure)

    async def _clear(self, kernel: KernelProcess) -> None:
        async with kernel.lock:
            await kernel.stop(graceful=False)
            self._forget(kernel)
