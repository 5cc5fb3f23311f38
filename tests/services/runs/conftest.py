"""A room for runs on a real Redis: services that take none, and workers with scripted answers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from pybot.config import Settings
from pybot.services.agent.ports import Outcome, Resumption, Suspension
from pybot.services.background.supervisor import Supervisor
from pybot.services.container import Services, open_services
from pybot.services.conversations.gate import Gate
from pybot.services.records import Run, RunPhase, RunStatus, TokenUsage, Viewer, conversation_of
from pybot.services.runs.attempt import WorkerServices
from pybot.services.runs.log import FencedLog
from pybot.services.runs.queue import RunQueue
from pybot.services.runs.repair import Repair
from pybot.services.runs.worker import RunWorker
from pybot.services.store import keys
from pybot.services.store.hashes import Hashes
from tests.fixtures.server import SettingsWith

ANN = Viewer(username="ann")
USAGE = TokenUsage(prompt_tokens=10, completion_tokens=2)


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 (nobody announces it)
            await asyncio.sleep(0.002)


@dataclass
class ScriptedAnswers:
    """Answers once the gate is open; notes which runs it was given, in order."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    suspend_for: RunPhase | None = None
    begun: list[str] = field(default_factory=list[str])
    resumptions: list[Resumption] = field(default_factory=list[Resumption])
    going_on: int = 0
    most: int = 0

    async def answer(
        self,
        log: FencedLog,
        viewer: Viewer,  # noqa: ARG002
        resumption: Resumption,
    ) -> Outcome | Suspension:
        """Suspend the run if it is to, else wait for the gate."""
        self.begun.append(log.run.id)
        self.resumptions.append(resumption)
        if resumption.decision is None and self.suspend_for is not None:
            return Suspension(phase=self.suspend_for, usage=USAGE)
        self.going_on += 1
        self.most = max(self.most, self.going_on)
        try:
            await self.gate.wait()
        finally:
            self.going_on -= 1
        return Outcome(status=RunStatus.COMPLETED)

    async def give_title(self, viewer: Viewer, log: FencedLog) -> None:
        """Do nothing."""


@dataclass
class Room:
    """Services that take no runs themselves, and what workers are made of."""

    services: Services
    hashes: Hashes
    queue: RunQueue

    async def send(self, text: str = "hello") -> Run:
        """Begin a run in a conversation of its own, and put it on the queue."""
        return (await self.services.runs.send(ANN, text=text)).run

    def worker(
        self, answers: ScriptedAnswers, concurrency: int = 10
    ) -> AbstractAsyncContextManager[RunWorker]:
        """A worker that works while the context is open."""

        @asynccontextmanager
        async def working() -> AsyncGenerator[RunWorker]:
            services = self.services
            gate = Gate(services.client)
            worker_services = WorkerServices(
                services.client,
                self.hashes,
                gate,
                services.run_logs,
                services.suspensions,
                answers,
            )
            queue = RunQueue(services.client)
            worker = RunWorker(worker_services, queue, concurrency=concurrency)
            services.hub.on_notice.append(worker.check_cancelled)
            async with worker.working(services.supervisor):
                yield worker

        return working()

    def repair(self) -> Repair:
        """A repair that looks only when it is asked to."""
        services = self.services
        gate = Gate(services.client)
        return Repair(
            services.client,
            self.hashes,
            gate,
            services.viewerlog,
            self.queue,
            services.suspensions,
        )

    async def status(self, run: Run) -> RunStatus:
        """How far a run is."""
        snapshots = self.services.snapshots
        snapshot = await snapshots.open(ANN, conversation_of(run.id))
        return (await snapshots.run(snapshot, run.id)).status

    async def until(self, run: Run, status: RunStatus) -> None:
        """Wait until a run is so far."""
        async with asyncio.timeout(30):
            while await self.status(run) is not status:  # noqa: ASYNC110 (Redis has it)
                await asyncio.sleep(0.01)

    async def queued(self) -> list[str]:
        """The runs on the queue, in order."""
        found: Any = await self.services.client.zrange(keys.QUEUE, 0, -1)
        return [each.decode() for each in found]

    async def noted(self, run_id: str) -> int | None:
        """When a run was asked for, as repair knows it, in milliseconds."""
        score = await self.services.client.zscore(keys.UNFINISHED_RUNS, run_id)
        return None if score is None else int(score)

    async def age(self, run_id: str, milliseconds: int) -> None:
        """Let repair think that a run was asked for so long ago."""
        await self.services.client.zincrby(keys.UNFINISHED_RUNS, -milliseconds, run_id)


@asynccontextmanager
async def opened_room(settings: Settings) -> AsyncGenerator[Room]:
    """A room on what the settings name, which must say that no runs are taken."""
    async with open_services(settings) as services:
        hashes = Hashes(settings.redis_om_url.get_secret_value())
        yield Room(services, hashes, RunQueue(services.client))
        await hashes.aclose()


@pytest.fixture
async def room(settings_with: SettingsWith) -> AsyncIterator[Room]:
    """An empty one."""
    async with opened_room(settings_with(run={"concurrency": 0})) as opened:
        yield opened


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    """A supervisor of a test's own loops."""
    supervisor = Supervisor()
    async with supervisor.running():
        yield supervisor
