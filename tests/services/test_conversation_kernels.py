"""Kernels of conversations over a real Redis: commands, runs and providers that meet."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from pybot.config import JupyterSettings, LlmSettings, RunSettings, Settings
from pybot.errors import Conflict, InvalidInput, NotFound, Unavailable
from pybot.services.container import Services, open_services
from pybot.services.conversation_kernels.port import ConversationKernel
from pybot.services.kernels.base import KernelDied, KernelEndedByUser, KernelUnavailable
from pybot.services.records import Kernel, KernelStatus, Viewer
from pybot.services.records.events import KernelChanged
from tests.kernel_provider import FakeKernels

ANN = Viewer(username="ann")
BUSY, IDLE, RESTARTING = KernelStatus.BUSY, KernelStatus.IDLE, KernelStatus.RESTARTING


@pytest.fixture
def provider() -> FakeKernels:
    return FakeKernels()


@pytest.fixture
async def servers(redis_url: str, provider: FakeKernels) -> AsyncGenerator[list[Services]]:
    """Two servers on one Redis and one provider; a restart is lost with its server after 1 s."""
    settings = Settings(
        redis_om_url=SecretStr(redis_url),
        llm=LlmSettings(url="http://127.0.0.1:9"),
        run=RunSettings(concurrency=0),
        jupyter=JupyterSettings(start_timeout=1),
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


async def test_restart_while_code_runs_is_no_death(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    port = services.kernels.of(ANN, kernel.conversation_id)
    running = await until_running(provider, port)
    restarted = await services.kernels.restart(ANN, kernel.conversation_id)
    assert (restarted.status, restarted.generation) == (IDLE, 2)
    with pytest.raises(KernelEndedByUser, match="restarted"):
        await running
    assert await port.ensure_started() == 2
    assert await statuses(services, kernel.conversation_id) == [
        (KernelStatus.STARTING, 1),
        (IDLE, 1),
        (BUSY, 1),
        (RESTARTING, 1),
        (IDLE, 2),
    ]


async def test_shutdown_while_code_runs_is_no_death(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    port = services.kernels.of(ANN, kernel.conversation_id)
    running = await until_running(provider, port)
    stopped = await services.kernels.shutdown(ANN, kernel.conversation_id)
    assert (stopped.status, stopped.kernel_id) == (KernelStatus.STOPPED, None)
    with pytest.raises(KernelEndedByUser, match="shut down"):
        await running
    assert await stored(services, kernel.conversation_id) == stopped
    assert (await statuses(services, kernel.conversation_id))[2:] == [
        (BUSY, 1),
        (KernelStatus.STOPPED, 1),
    ]
    assert await port.ensure_started() == 2


async def test_death_is_one(services: Services, provider: FakeKernels, kernel: Kernel) -> None:
    """The twin, also for a kernel that its user restarted before."""
    await services.kernels.restart(ANN, kernel.conversation_id)
    running = await until_running(provider, services.kernels.of(ANN, kernel.conversation_id))
    provider.kill(str(kernel.kernel_id))
    with pytest.raises(KernelDied) as raised:
        await running
    assert not isinstance(raised.value, KernelEndedByUser)
    assert (await stored(services, kernel.conversation_id)).status is KernelStatus.DEAD


async def test_restart_by_a_run_is_not_its_users(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    """Code that outlives its limit: the run knows why, and the chip never says that it died."""
    port = services.kernels.of(ANN, kernel.conversation_id)
    running = await until_running(provider, port)
    await port.restart()
    with pytest.raises(KernelDied) as raised:
        await running
    assert not isinstance(raised.value, KernelEndedByUser)
    assert (await statuses(services, kernel.conversation_id))[3:] == [(RESTARTING, 1), (IDLE, 2)]


async def test_shutdown_while_the_kernel_starts_ends_the_start(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    await services.kernels.shutdown(ANN, kernel.conversation_id)
    provider.gate.clear()
    port = services.kernels.of(ANN, kernel.conversation_id)
    starting = asyncio.create_task(port.ensure_started())
    await provider.until("start k2")
    await services.kernels.shutdown(ANN, kernel.conversation_id)
    provider.gate.set()
    with pytest.raises(KernelEndedByUser, match="shut down"):
        await starting
    assert (await stored(services, kernel.conversation_id)).status is KernelStatus.STOPPED
    assert provider.alive == set()


async def test_code_waits_for_a_restart_that_goes_on(
    servers: list[Services], provider: FakeKernels, kernel: Kernel
) -> None:
    """A run on another server starts no second kernel beside it."""
    provider.gate.clear()
    restarting = asyncio.create_task(servers[0].kernels.restart(ANN, kernel.conversation_id))
    await provider.until("restart k1")
    starting = asyncio.create_task(
        servers[1].kernels.of(ANN, kernel.conversation_id).ensure_started()
    )
    await asyncio.sleep(0.2)
    provider.gate.set()
    assert (await restarting).generation == await starting == 2
    assert provider.asked == ["start k1", "restart k1"]


@pytest.mark.parametrize("key", ["k", None])
async def test_20_restarts_at_once_are_one(
    servers: list[Services], provider: FakeKernels, kernel: Kernel, key: str | None
) -> None:
    provider.gate.clear()
    asked = [
        asyncio.create_task(
            servers[n % 2].kernels.restart(ANN, kernel.conversation_id, idempotency_key=key)
        )
        for n in range(20)
    ]
    await asyncio.sleep(0.3)
    provider.gate.set()
    found = await asyncio.gather(*asked)
    assert {(each.status, each.generation) for each in found} == {(IDLE, 2)}
    assert provider.asked == ["start k1", "restart k1"]


async def test_retry_does_not_restart_again(
    servers: list[Services], provider: FakeKernels, kernel: Kernel
) -> None:
    """Nor when a restart with another key came between, or the kernel was shut down."""
    for server, key, generation in ((0, "a", 2), (1, "a", 2), (0, "b", 3), (1, "a", 3)):
        found = await servers[server].kernels.restart(
            ANN, kernel.conversation_id, idempotency_key=key
        )
        assert (found.status, found.generation) == (IDLE, generation)
    assert provider.asked == ["start k1", "restart k1", "restart k1"]
    await servers[0].kernels.shutdown(ANN, kernel.conversation_id)
    found = await servers[1].kernels.restart(ANN, kernel.conversation_id, idempotency_key="a")
    assert found.status is KernelStatus.STOPPED


async def test_restart_that_joined_another_is_not_done_again(
    servers: list[Services], provider: FakeKernels, kernel: Kernel
) -> None:
    """Its answer may be lost as well: its key is recorded."""
    provider.gate.clear()
    asked = [
        asyncio.create_task(
            server.kernels.restart(ANN, kernel.conversation_id, idempotency_key=key)
        )
        for server, key in zip(servers, "ab", strict=True)
    ]
    await asyncio.sleep(0.3)
    provider.gate.set()
    assert {each.generation for each in await asyncio.gather(*asked)} == {2}
    for key in "ab":
        await servers[0].kernels.restart(ANN, kernel.conversation_id, idempotency_key=key)
    assert provider.asked == ["start k1", "restart k1"]


async def test_key_that_was_refused_is_free(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    """It restarts once the kernel runs, and once the provider answers."""
    kernels, named = services.kernels, kernel.conversation_id
    await kernels.shutdown(ANN, named)
    with pytest.raises(Conflict):
        await kernels.restart(ANN, named, idempotency_key="k")
    assert await kernels.of(ANN, named).ensure_started() == 2
    provider.failure = KernelUnavailable("No gateway.")
    with pytest.raises(Unavailable, match="No gateway"):
        await kernels.restart(ANN, named, idempotency_key="k")
    assert (await stored(services, named)).status is KernelStatus.DEAD
    provider.failure = None
    assert await kernels.of(ANN, named).ensure_started() == 3
    assert (await kernels.restart(ANN, named, idempotency_key="k")).generation == 4
    assert (await kernels.restart(ANN, named, idempotency_key="k")).generation == 4


async def test_restarts_that_fail_together_fail_each(
    servers: list[Services], provider: FakeKernels, kernel: Kernel
) -> None:
    provider.gate.clear()
    provider.failure = KernelUnavailable("No gateway.")
    asked = [
        asyncio.create_task(
            servers[n % 2].kernels.restart(ANN, kernel.conversation_id, idempotency_key=key)
        )
        for n, key in enumerate(["a", "a", "b", None])
    ]
    await asyncio.sleep(0.3)
    provider.gate.set()
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in found] == [Unavailable] * 4
    assert provider.asked == ["start k1", "restart k1"]
    for key in "ab":
        with pytest.raises(Conflict):
            await servers[0].kernels.restart(ANN, kernel.conversation_id, idempotency_key=key)


async def test_restart_of_a_kernel_that_is_gone_starts_another(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    provider.kill(str(kernel.kernel_id))
    found = await services.kernels.restart(ANN, kernel.conversation_id)
    assert (found.status, found.generation, found.kernel_id) == (IDLE, 2, "k2")
    assert (await statuses(services, kernel.conversation_id))[2:] == [
        (RESTARTING, 1),
        (RESTARTING, 2),
        (IDLE, 2),
    ]


@pytest.mark.parametrize("key", ["k", None])
async def test_restart_that_was_lost_with_its_server_is_done_again(
    servers: list[Services], provider: FakeKernels, kernel: Kernel, key: str | None
) -> None:
    """By a retry of the same request, or by another one, once it has taken too long."""
    first, second = servers
    provider.gate.clear()
    lost = asyncio.create_task(
        first.kernels.restart(ANN, kernel.conversation_id, idempotency_key="k")
    )
    await provider.until("restart k1")
    await first.kernels.aclose()
    with pytest.raises(asyncio.CancelledError):
        await lost
    assert (await stored(second, kernel.conversation_id)).status is RESTARTING
    provider.gate.set()
    async with asyncio.timeout(5):
        found = await second.kernels.restart(ANN, kernel.conversation_id, idempotency_key=key)
    assert (found.status, found.generation) == (IDLE, 2)
    assert provider.asked == ["start k1", "restart k1", "restart k1"]


async def test_code_after_a_restart_that_was_lost_has_a_new_kernel(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    def long_ago(before: Kernel | None) -> Kernel | None:
        return before and replace(before, status=RESTARTING, since=kernel.last_activity_at)

    await services.kernels.records.change(kernel.conversation_id, long_ago)
    await asyncio.sleep(1)
    assert await services.kernels.of(ANN, kernel.conversation_id).ensure_started() == 2


async def test_shutdown_that_fails_leaves_the_kernel(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    provider.failure = KernelUnavailable("No gateway.")
    with pytest.raises(Unavailable):
        await services.kernels.shutdown(ANN, kernel.conversation_id)
    assert await stored(services, kernel.conversation_id) == kernel
    provider.failure = None
    assert (await services.kernels.shutdown(ANN, kernel.conversation_id)).kernel_id is None


async def test_shutdown_during_a_restart_is_the_last_word(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    provider.gate.clear()
    restarting = asyncio.create_task(services.kernels.restart(ANN, kernel.conversation_id))
    await provider.until("restart k1")
    stopping = asyncio.create_task(services.kernels.shutdown(ANN, kernel.conversation_id))
    await provider.until("shutdown k1")
    provider.gate.set()
    assert (await stopping).status is (await restarting).status is KernelStatus.STOPPED
    assert provider.alive == set()


async def test_late_notice_of_another_process_changes_nothing(
    services: Services, kernel: Kernel
) -> None:
    """Of an older one, or of one that is being restarted anyway; of this one it does."""
    kernels, named = services.kernels, kernel.conversation_id
    await kernels.record_end(named, "k0", KernelStatus.DEAD)
    assert await stored(services, named) == kernel
    await kernels.record_end(named, "k1", KernelStatus.STOPPED)
    assert (await stored(services, named)).status is KernelStatus.STOPPED


async def test_key_that_is_none_is_refused(services: Services, kernel: Kernel) -> None:
    with pytest.raises(InvalidInput):
        await services.kernels.restart(ANN, kernel.conversation_id, idempotency_key="")
    with pytest.raises(NotFound):
        await services.kernels.restart(Viewer(username="bob"), kernel.conversation_id)
