"""One kernel a conversation: its state in Redis, and the commands that change it.

The provider (a gateway, or the machine's kernel owner) has the processes. What is known of them
stands in Redis and in the log, written by compare-and-set, since a worker, a viewer's command and
the provider's own notices can meet.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec.structs import replace

from pybot.errors import Conflict, NotFound, Unavailable
from pybot.services.claims import Claims
from pybot.services.conversations import Conversations
from pybot.services.events import KernelChanged
from pybot.services.instants import now
from pybot.services.kernels.base import (
    KernelDied,
    Kernels,
    KernelUnavailable,
    Reaction,
)
from pybot.services.records import Conversation, Kernel, KernelStatus, Viewer, new_id
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.connection import Client
from pybot.services.store.write import Refused, Write
from pybot.services.tasks import ended

logger = logging.getLogger(__name__)

RUNNING = (KernelStatus.IDLE, KernelStatus.BUSY)
NOT_RUNNING = "The kernel is not running: the next code starts one."
NOTICES_RETRY = 1.0


class LiveKernels:
    """The kernels of conversations, by their owners' commands and for the runs that use them."""

    def __init__(
        self,
        client: Client,
        appender: Appender,
        conversations: Conversations,
        claims: Claims,
        provider: Kernels,
    ) -> None:
        self._client = client
        self._appender = appender
        self._conversations = conversations
        self._claims = claims
        self.provider = provider
        self._starting: dict[str, asyncio.Task[Kernel]] = {}

    async def get(self, viewer: Viewer, conversation_id: str) -> Kernel | None:
        """The conversation's kernel; None before the first one and after it was shut down."""
        await self._conversations.get(viewer, conversation_id)
        return await self.load(conversation_id)

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
        token = new_id()
        ids = {"token": token}
        claimed = await self._claims.claim(viewer, "restart", idempotency_key, conversation_id, ids)
        kernel = await self._running(viewer, conversation_id)
        if claimed["token"] != token:
            return kernel
        try:
            return await self.of(viewer, conversation_id).restarted(kernel)
        except KernelUnavailable as error:
            await self._claims.release(viewer, "restart", idempotency_key)
            raise Unavailable(str(error)) from None

    async def shutdown(self, viewer: Viewer, conversation_id: str) -> Conversation:
        """End the kernel; the next code starts a new one."""
        conversation = await self._conversations.get(viewer, conversation_id)
        try:
            await self._end(conversation_id)
        except KernelUnavailable as error:
            raise Unavailable(str(error)) from None
        await self.change(conversation_id, lambda _: None)
        return conversation

    async def forget(self, conversation_id: str) -> None:
        """End the kernel of a conversation that was deleted."""
        try:
            await self._end(conversation_id)
        except KernelUnavailable as error:
            logger.warning("conversation=%s kernel not ended: %s", conversation_id, error)

    def of(self, viewer: Viewer, conversation_id: str) -> "ConversationKernel":
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
            # Its failure is told to whoever waits; nobody may, after a cancellation.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def aclose(self) -> None:
        """Wait for nothing more to start."""
        await ended(*self._starting.values())

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


class ConversationKernel:
    """The kernel of one conversation: the agent's port."""

    def __init__(self, kernels: LiveKernels, viewer: Viewer, conversation_id: str) -> None:
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
