"""One kernel a conversation: its state in Redis, and the commands that change it.

The provider (a gateway, or the machine's kernel owner) has the processes. What is known of them
stands in Redis and in the log, written by compare-and-set, since a worker, a viewer's command and
the provider's own notices can meet.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from pybot.errors import Conflict, NotFound, PybotError, Unavailable
from pybot.services.conversation_kernel import RUNNING, ConversationKernel
from pybot.services.conversations.gate import Gate
from pybot.services.events import KernelChanged
from pybot.services.kernels.base import (
    KernelDied,
    Kernels,
    KernelUnavailable,
)
from pybot.services.records import Kernel, KernelStatus, Viewer
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.connection import Client
from pybot.services.store.write import Refused, Write
from pybot.services.tasks import cancel_and_wait, log_failure

logger = logging.getLogger(__name__)

NOT_RUNNING = "The kernel is not running: the next code starts one."
NOTICES_RETRY = 1.0
EXPECTED = (KernelUnavailable, KernelDied, PybotError)  # failures of a start


class LiveKernels:
    """The kernels of conversations, by their owners' commands and for the runs that use them."""

    def __init__(
        self,
        client: Client,
        appender: Appender,
        gate: Gate,
        provider: Kernels,
    ) -> None:
        self._client = client
        self._appender = appender
        self._gate = gate
        self.provider = provider
        self._starting: dict[str, asyncio.Task[Kernel]] = {}

    async def get(self, viewer: Viewer, conversation_id: str) -> Kernel | None:
        """The conversation's kernel; None before the first one and after it was shut down."""
        return (await self._gate.open(viewer, conversation_id)).kernel

    async def interrupt(self, viewer: Viewer, conversation_id: str) -> Kernel:
        """Interrupt the code that the kernel runs."""
        kernel = await self._running(viewer, conversation_id)
        try:
            await self.provider.interrupt(str(kernel.kernel_id))
        except KernelDied:
            return await self._known_dead(kernel)
        except KernelUnavailable as error:
            raise Unavailable(str(error)) from None
        return kernel

    async def restart(
        self, viewer: Viewer, conversation_id: str, *, idempotency_key: str | None = None
    ) -> Kernel:
        """Restart the kernel: all variables are lost, files stay."""
        kernel = await self._running(viewer, conversation_id)
        try:
            return await self.of(viewer, conversation_id).restarted(kernel)
        except KernelUnavailable as error:
            raise Unavailable(str(error)) from None

    async def shutdown(self, viewer: Viewer, conversation_id: str) -> None:
        """End the kernel; the next code starts a new one."""
        await self._gate.open(viewer, conversation_id)
        try:
            await self._end(conversation_id)
        except KernelUnavailable as error:
            raise Unavailable(str(error)) from None
        await self.change(conversation_id, lambda _: None)

    async def forget(self, conversation_id: str) -> None:
        """End the kernel of a conversation that was deleted."""
        try:
            await self._end(conversation_id)
        except KernelUnavailable as error:
            logger.warning("conversation=%s kernel not ended: %s", conversation_id, error)

    def of(self, viewer: Viewer, conversation_id: str) -> ConversationKernel:
        """The kernel of a conversation, for a run."""
        return ConversationKernel(self, viewer, conversation_id)

    async def load(self, conversation_id: str) -> Kernel | None:
        """What is known of a kernel."""
        stored: Any = await self._client.get(keys.kernel(conversation_id))
        return None if stored is None else msgspec.json.decode(stored, type=Kernel)

    async def change(
        self, conversation_id: str, update: Callable[[Kernel | None], Kernel | None]
    ) -> Kernel | None:
        """Put `update` of what is known in its place, and say so; an equal one changes nothing."""
        key, head = keys.kernel(conversation_id), keys.conversation(conversation_id)
        while True:
            stored: Any = await self._client.get(key)
            before = None if stored is None else msgspec.json.decode(stored, type=Kernel)
            after = update(before)
            if after == before:
                return after
            write = Write.to_conversation(conversation_id)
            write.require("kernel", (stored or b"").decode(), "GET", key)
            if after is None:
                write.do("DEL", key)
            else:
                write.do("SET", key, msgspec.json.encode(after))
                write.do("HSET", head, "kernel_generation", after.generation)
            try:
                await self._appender.append(write.emit(KernelChanged(after)))
            except Refused as refused:
                if refused.label == "exists":
                    raise NotFound("The conversation was deleted.") from None
                continue
            return after

    async def started_once(
        self, conversation_id: str, start: Callable[[], Coroutine[Any, Any, Kernel]]
    ) -> Kernel:
        """Carry `start` out to its end, also when whoever asked is cancelled.

        The next one to ask meanwhile gets the same kernel, so that none is started and forgotten.
        """
        task = self._starting.get(conversation_id)
        if task is None:
            task = asyncio.create_task(start(), name=f"start kernel {conversation_id}")
            self._starting[conversation_id] = task
            task.add_done_callback(lambda _: self._starting.pop(conversation_id))
            # Whoever waits gets its failure; after a cancellation nobody may.
            task.add_done_callback(partial(log_failure, expected=EXPECTED))
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Wait for nothing more to start."""
        await cancel_and_wait(*self._starting.values())

    async def next_generation(self, conversation_id: str) -> int:
        """The generation of the next kernel; it survives a shut-down."""
        head = keys.conversation(conversation_id)
        return int(await self._client.hget(head, "kernel_generation") or 0) + 1

    async def watch(self) -> None:
        """Take note of what happens to kernels by itself, until cancelled."""
        while True:
            try:
                async for notice in self.provider.notices():
                    status = (
                        KernelStatus.STOPPED if notice.status == "culled" else KernelStatus.DEAD
                    )
                    await self._gone(notice.conversation_id, notice.kernel_id, status)
            except (KernelUnavailable, Unavailable, OSError) as error:
                logger.debug("notices of kernels are interrupted: %s", error)
            await asyncio.sleep(NOTICES_RETRY)

    async def _gone(self, conversation_id: str, kernel_id: str, status: KernelStatus) -> None:
        def gone(before: Kernel | None) -> Kernel | None:
            if before is None or before.kernel_id != kernel_id:
                return before
            return replace(before, status=status, kernel_id=None)

        try:
            await self.change(conversation_id, gone)
        except NotFound:
            logger.debug("conversation=%s is gone with its kernel", conversation_id)

    async def _known_dead(self, kernel: Kernel) -> Kernel:
        await self._gone(kernel.conversation_id, str(kernel.kernel_id), KernelStatus.DEAD)
        return await self.load(kernel.conversation_id) or kernel

    async def _running(self, viewer: Viewer, conversation_id: str) -> Kernel:
        kernel = await self.get(viewer, conversation_id)
        if kernel is None or kernel.status not in RUNNING:
            raise Conflict(NOT_RUNNING, ("conversationId",))
        return kernel

    async def _end(self, conversation_id: str) -> None:
        kernel = await self.load(conversation_id)
        if kernel is not None and kernel.kernel_id is not None:
            await self.provider.shutdown(kernel.kernel_id)
