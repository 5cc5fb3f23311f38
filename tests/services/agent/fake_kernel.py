"""A kernel that plays reactions, and records what is asked of it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from pybot.services.kernels.base import Done, KernelDied, Reaction, Started


class FakeKernel:
    """Plays reactions by code; code that is not scripted just ends."""

    def __init__(self, **scripts: Sequence[Reaction | Exception | asyncio.Event]) -> None:
        self.scripts: Mapping[str, Sequence[Reaction | Exception | asyncio.Event]] = scripts
        self.executed: list[str] = []
        self.message_ids: list[str] = []
        self.interrupts = 0
        self.restarts = 0
        self.generation = 0
        self.followed: Sequence[Reaction] = ()
        self.start_error: Exception | None = None
        self.start_gate: asyncio.Event | None = None
        self.starts = 0
        self.running = asyncio.Event()
        self.interrupted = asyncio.Event()
        self._lost: list[asyncio.Future[None]] = []

    async def ensure_started(self) -> int:
        self.starts += 1
        if self.start_gate is not None:
            await self.start_gate.wait()
        if self.start_error is not None:
            raise self.start_error
        self.generation = self.generation or 1
        return self.generation

    async def execute(self, code: str, *, message_id: str) -> AsyncGenerator[Reaction]:
        self.executed.append(code)
        self.message_ids.append(message_id)
        count = len(self.executed)
        yield Started(count)
        for item in self.scripts.get(code, ()):
            if isinstance(item, Exception):
                raise item
            if isinstance(item, asyncio.Event):
                await self._wait(item)
                continue
            yield item
            if isinstance(item, Done):
                return
        yield Done("ok", count)

    async def _wait(self, event: asyncio.Event) -> None:
        """Code that runs until something happens; a kernel that ends meanwhile takes it along."""
        self.running.set()
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lost.append(lost)
        waiting = asyncio.ensure_future(event.wait())
        either: set[asyncio.Future[Any]] = {waiting, lost}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not event.is_set():
                lost.result()
        finally:
            waiting.cancel()
            lost.cancel()

    def end(self, error: Exception) -> None:
        """End the process, with whatever it runs."""
        for lost in self._lost:
            if not lost.done():
                lost.set_exception(error)

    async def follow(self, *, message_id: str) -> AsyncGenerator[Reaction]:
        self.message_ids.append(message_id)
        for reaction in self.followed:
            yield reaction

    async def is_alive(self, generation: int | None) -> bool:
        return generation == self.generation

    async def interrupt(self) -> None:
        self.interrupts += 1
        self.interrupted.set()

    async def restart(self) -> None:
        self.restarts += 1
        self.generation += 1
        self.end(KernelDied("restarted"))
