"""Kernels of conversations on a real Redis, over two servers and a provider without processes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from pybot.config import JupyterSettings, LlmSettings, RunSettings, Settings
from pybot.services.container import Services, open_services
from pybot.services.conversation_kernels.port import ConversationKernel
from pybot.services.records import Kernel, KernelStatus, Viewer
from pybot.services.records.events import KernelChanged
from tests.kernel_provider import FakeKernels

ANN = Viewer(username="ann")
START_TIMEOUT = 60  # seconds, after which a restart is lost with its server
BUSY, IDLE, RESTARTING = KernelStatus.BUSY, KernelStatus.IDLE, KernelStatus.RESTARTING


@pytest.fixture
def provider() -> FakeKernels:
    return FakeKernels()


@pytest.fixture
async def servers(redis_url: str, provider: FakeKernels) -> AsyncGenerator[list[Services]]:
    """Two servers on one Redis and one provider."""
    settings = Settings(
        redis_om_url=SecretStr(redis_url),
        llm=LlmSettings(url="http://127.0.0.1:9"),
        run=RunSettings(concurrency=0),
        jupyter=JupyterSettings(start_timeout=START_TIMEOUT),
    )
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(open_services(settings)) for _ in range(2)]
        for services in opened:
            services.kernels.lifecycle.provider = provider
        yield opened


@pytest.fixture
def services(servers: list[Services]) -> Services:
    return servers[0]


@pytest.fixture
async def kernel(services: Services) -> Kernel:
    """An idle kernel."""
    created = await services.conversations.create(ANN)
    conversation_id = created.conversation.id
    await services.kernels.of(ANN, conversation_id).ensure_started()
    return await stored(services, conversation_id)


@pytest.fixture
async def starting(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> "asyncio.Task[int]":
    """The start of a second kernel, which goes on until the provider's gate is opened."""
    await services.kernels.shutdown(ANN, kernel.conversation_id)
    provider.gate.clear()
    port = services.kernels.of(ANN, kernel.conversation_id)
    task = asyncio.create_task(port.ensure_started())
    await provider.until("start k2")
    return task


async def shut_down_during_restart(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> tuple["asyncio.Task[Kernel]", "asyncio.Task[Kernel]"]:
    """A restart and a shutdown, both with the provider until its gate is opened."""
    provider.gate.clear()
    restarting = asyncio.create_task(services.kernels.restart(ANN, kernel.conversation_id))
    await provider.until("restart k1")
    stopping = asyncio.create_task(services.kernels.shutdown(ANN, kernel.conversation_id))
    await provider.until("shutdown k1")
    return restarting, stopping


async def stored(services: Services, conversation_id: str) -> Kernel:
    found = await services.kernels.records.load(conversation_id)
    assert found is not None
    return found


async def statuses(services: Services, conversation_id: str) -> list[tuple[KernelStatus, int]]:
    """What the log says of the kernel, in order."""
    entries = await services.eventlog.between(conversation_id, 0, None)
    kernels = [entry.event.kernel for entry in entries if isinstance(entry.event, KernelChanged)]
    return [(kernel.status, kernel.generation) for kernel in kernels]


async def until_running(provider: FakeKernels, port: ConversationKernel) -> "asyncio.Task[None]":
    """Run code that never ends by itself."""

    async def execute() -> None:
        async for _ in port.execute("loop", message_id="m"):
            pass

    task = asyncio.create_task(execute())
    await provider.running.wait()
    return task


async def lose_restart(services: Services, conversation_id: str) -> None:
    """Move the start of a restart so far back that it counts as lost."""

    def long_ago(before: Kernel | None) -> Kernel | None:
        assert before is not None
        assert before.since is not None
        return replace(before, since=before.since - timedelta(seconds=START_TIMEOUT))

    await services.kernels.records.change(conversation_id, long_ago)
