"""Kernels of this machine, over IPC: the kernel owner starts them and says where they listen."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

from pybot.services.background.tasks import cancel_and_wait
from pybot.services.kernels.base import Done, KernelDied, KernelNotice, KernelUnavailable, Reaction
from pybot.services.kernels.channels import Channels, EndMissed, open_channels, open_context
from pybot.services.kernels.messages import ReactionReader
from pybot.services.kernels.owner_client import OwnerClient
from pybot.services.kernels.owner_protocol import ConnectionInfo, KernelEnded
from pybot.services.kernels.reaction_queue import ReactionQueue

CALL_TIMEOUT = 10  # seconds for what the owner answers at once
START_MARGIN = 15  # seconds beside the start itself: the first one tries the sandbox out
RETRY_INTERVAL = 1  # seconds between two tries to reach an owner that is gone
Begin = Callable[[Channels, ReactionReader], Awaitable[None]]

DIED = "The kernel is gone, and its variables with it."


class LocalKernels:
    """The `Kernels` of the owner that listens on `owner_socket`. Belongs to one event loop."""

    def __init__(self, owner_socket: Path, start_timeout: float = 60) -> None:
        self._owner = OwnerClient(owner_socket)
        self._start_timeout = start_timeout + START_MARGIN
        self._context = open_context()

    async def start(self, conversation_id: str, username: str) -> str:
        """Start a kernel in the conversation's folder; the user makes no difference here."""
        del username
        reply = await self._owner.call(
            self._start_timeout, "start", conversation_id=conversation_id
        )
        return reply.kernel_id

    async def execute(
        self, kernel_id: str, code: str, *, message_id: str
    ) -> AsyncGenerator[Reaction]:
        """Run code and give what comes of it, in order, `Done` last."""

        async def send(channels: Channels, _: ReactionReader) -> None:
            await channels.subscribed()
            channels.send(code, message_id)

        async with aclosing(self._reactions(kernel_id, message_id, send)) as reactions:
            async for reaction in reactions:
                yield reaction

    async def follow(self, kernel_id: str, *, message_id: str) -> AsyncGenerator[Reaction]:
        """What still comes of code that another process sent; no `Done` when it came too late."""

        async def ask(channels: Channels, reader: ReactionReader) -> None:
            reader.expect_no_reply()
            channels.send_marker()

        async with aclosing(self._reactions(kernel_id, message_id, ask)) as reactions:
            with contextlib.suppress(EndMissed):
                async for reaction in reactions:
                    yield reaction

    async def _reactions(
        self, kernel_id: str, message_id: str, begin: Begin
    ) -> AsyncGenerator[Reaction]:
        """The reactions of one execution, once `begin` has sent it or asked for it."""
        queue = ReactionQueue()

        def listen(event: KernelEnded | None) -> None:
            if event is None or event.kernel_id == kernel_id:
                queue.fail(KernelDied(DIED))

        with self._owner.listening(listen):
            connection = await self._open(kernel_id)
            try:
                async with open_channels(self._context, connection) as channels:
                    reader = ReactionReader(message_id)
                    await begin(channels, reader)
                    pump = asyncio.create_task(channels.pump(reader, queue))
                    pump.add_done_callback(lambda task: _report(task, queue))
                    try:
                        while True:
                            reaction = await queue.get()
                            yield reaction
                            if isinstance(reaction, Done):
                                return
                    finally:
                        await cancel_and_wait(pump)
            finally:
                self._owner.send("close", kernel_id=kernel_id)

    async def interrupt(self, kernel_id: str) -> None:
        """Interrupt what the kernel runs."""
        await self._owner.call(CALL_TIMEOUT, "interrupt", kernel_id=kernel_id)

    async def restart(self, kernel_id: str) -> None:
        """Restart the kernel under the same ID."""
        await self._owner.call(self._start_timeout, "restart", kernel_id=kernel_id)

    async def shutdown(self, kernel_id: str) -> None:
        """End the kernel."""
        await self._owner.call(CALL_TIMEOUT, "shutdown", kernel_id=kernel_id)

    async def is_alive(self, kernel_id: str) -> bool:
        """Whether the kernel's process lives; KernelUnavailable when the owner is out of reach."""
        return (await self._owner.call(CALL_TIMEOUT, "alive", kernel_id=kernel_id)).alive

    async def notices(self) -> AsyncGenerator[KernelNotice]:
        """The kernel owner's notices; connects again when the owner is gone."""
        events: asyncio.Queue[KernelEnded | None] = asyncio.Queue()
        with self._owner.listening(events.put_nowait):
            while True:
                try:
                    await self._owner.connect()
                except KernelUnavailable:
                    await asyncio.sleep(RETRY_INTERVAL)
                    continue
                while event := await events.get():
                    if event.reason in ("died", "culled"):
                        yield KernelNotice(
                            conversation_id=event.conversation_id,
                            kernel_id=event.kernel_id,
                            status=event.reason,
                        )
                self._owner.raise_failure()

    async def check(self) -> None:
        """Raise KernelUnavailable, with what to do, unless kernels can be started."""
        await self._owner.call(self._start_timeout, "ping")

    async def aclose(self) -> None:
        """Close the connections; kernels go on."""
        await self._owner.aclose()
        self._context.destroy(linger=0)

    async def _open(self, kernel_id: str) -> ConnectionInfo:
        reply = await self._owner.call(CALL_TIMEOUT, "open", kernel_id=kernel_id)
        if reply.connection is None:
            raise KernelUnavailable("The kernel owner did not say where the kernel listens.")
        return reply.connection


def _report(task: asyncio.Task[None], queue: ReactionQueue) -> None:
    """Put the failure of reading into the queue: no other task awaits it."""
    if not task.cancelled() and (failure := task.exception()) is not None:
        error = RuntimeError(f"Reading from the kernel failed: {failure!r}")
        error.__cause__ = failure  # for its traceback
        queue.fail(error)
