"""A provider of kernels without processes, as unkind as the real ones."""

import asyncio
from collections.abc import AsyncGenerator
from itertools import count

from pybot.services.kernels.base import (
    Done,
    KernelDied,
    KernelNotice,
    KernelUnavailable,
    Reaction,
    Started,
)


class FakeKernels:
    """Kernels that run `loop` until they end; other code just ends. `asked` is what was asked.

    Who restarts a kernel or shuts it down ends what it runs, like a death. While `gate` is not set,
    whatever is asked takes its time; with `failure` it fails.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: KernelUnavailable | KernelDied | None = None
        self.running = asyncio.Event()
        self.alive: set[str] = set()
        self._ids = count(1)
        self._executions: dict[str, list[asyncio.Future[None]]] = {}

    async def start(self, conversation_id: str, username: str) -> str:
        del conversation_id, username
        kernel_id = f"k{next(self._ids)}"
        await self._do(f"start {kernel_id}")
        self.alive.add(kernel_id)
        return kernel_id

    async def execute(
        self, kernel_id: str, code: str, *, message_id: str
    ) -> AsyncGenerator[Reaction]:
        del message_id
        self._check(kernel_id)
        yield Started(1)
        self._check(kernel_id)
        if code == "loop":
            lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._executions.setdefault(kernel_id, []).append(lost)
            self.running.set()
            await lost
        yield Done("ok", 1)

    def follow(self, kernel_id: str, *, message_id: str) -> AsyncGenerator[Reaction]:
        return self.execute(kernel_id, "", message_id=message_id)

    async def interrupt(self, kernel_id: str) -> None:
        await self._do(f"interrupt {kernel_id}")
        self._check(kernel_id)

    async def restart(self, kernel_id: str) -> None:
        self._check(kernel_id)
        self._end(kernel_id)
        await self._do(f"restart {kernel_id}")

    async def shutdown(self, kernel_id: str) -> None:
        await self._do(f"shutdown {kernel_id}")
        self.kill(kernel_id)

    async def is_alive(self, kernel_id: str) -> bool:
        return kernel_id in self.alive

    def kill(self, kernel_id: str) -> None:
        """End a kernel as a lack of memory does."""
        self.alive.discard(kernel_id)
        self._end(kernel_id)

    async def until(self, what: str) -> None:
        """Wait until something is asked."""
        async with asyncio.timeout(30):
            while what not in self.asked:  # noqa: ASYNC110 (nothing else tells)
                await asyncio.sleep(0.01)

    async def notices(self) -> AsyncGenerator[KernelNotice]:
        """There are no notices."""
        await asyncio.Event().wait()
        yield KernelNotice("", "", "died")

    async def check(self) -> None:
        """Everything is well."""

    async def aclose(self) -> None:
        """Nothing is open."""

    async def _do(self, what: str) -> None:
        self.asked.append(what)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure

    def _check(self, kernel_id: str) -> None:
        if kernel_id not in self.alive:
            raise KernelDied("gone")

    def _end(self, kernel_id: str) -> None:
        for lost in self._executions.pop(kernel_id, []):
            if not lost.done():
                lost.set_exception(KernelDied("gone"))
