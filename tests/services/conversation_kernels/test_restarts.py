"""Restarts that meet: other requests, retries, failures, and servers that are lost."""

import asyncio

import pytest

from pybot.errors import Conflict, InvalidInput, NotFound, Unavailable
from pybot.services.container import Services
from pybot.services.conversation_kernels.lifecycle import KernelLifecycle
from pybot.services.conversation_kernels.records import with_status
from pybot.services.kernels.base import KernelUnavailable
from pybot.services.records import Kernel, KernelStatus, Viewer
from tests.kernel_provider import FakeKernels
from tests.services.conversation_kernels.conftest import (
    ANN,
    IDLE,
    RESTARTING,
    lose_restart,
    statuses,
    stored,
)


class Waiting:
    """Counts those that wait for a restart to be over."""

    def __init__(self) -> None:
        self.count = 0

    async def until(self, count: int) -> None:
        """Wait until so many wait."""
        async with asyncio.timeout(30):
            while self.count < count:  # noqa: ASYNC110 (nothing announces it)
                await asyncio.sleep(0.01)


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch, kernel: Kernel) -> Waiting:
    """What counts from now on, when there is a kernel."""
    counted, wait = Waiting(), KernelLifecycle.wait_until_restarted

    async def counting(self: KernelLifecycle, conversation_id: str) -> Kernel | None:
        counted.count += 1
        return await wait(self, conversation_id)

    monkeypatch.setattr(KernelLifecycle, "wait_until_restarted", counting)
    return counted


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
    servers: list[Services],
    provider: FakeKernels,
    kernel: Kernel,
    waiting: Waiting,
    key: str | None,
) -> None:
    provider.gate.clear()
    asked = [
        asyncio.create_task(
            servers[n % 2].kernels.restart(ANN, kernel.conversation_id, idempotency_key=key)
        )
        for n in range(20)
    ]
    await waiting.until(19)
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
    servers: list[Services], provider: FakeKernels, kernel: Kernel, waiting: Waiting
) -> None:
    """Its answer may be lost as well: its key is recorded."""
    provider.gate.clear()
    asked = [
        asyncio.create_task(
            server.kernels.restart(ANN, kernel.conversation_id, idempotency_key=key)
        )
        for server, key in zip(servers, "ab", strict=True)
    ]
    await waiting.until(1)
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
    servers: list[Services], provider: FakeKernels, kernel: Kernel, waiting: Waiting
) -> None:
    provider.gate.clear()
    provider.failure = KernelUnavailable("No gateway.")
    asked = [
        asyncio.create_task(
            servers[n % 2].kernels.restart(ANN, kernel.conversation_id, idempotency_key=key)
        )
        for n, key in enumerate(["a", "a", "b", None])
    ]
    await waiting.until(3)
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
    await lose_restart(second, kernel.conversation_id)
    found = await second.kernels.restart(ANN, kernel.conversation_id, idempotency_key=key)
    assert (found.status, found.generation) == (IDLE, 2)
    assert provider.asked == ["start k1", "restart k1", "restart k1"]


async def test_code_after_a_restart_that_was_lost_has_a_new_kernel(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    """While the restart may still go on, code waits for it."""

    def restarting(before: Kernel | None) -> Kernel | None:
        return before and with_status(before, RESTARTING)

    await services.kernels.records.change(kernel.conversation_id, restarting)
    starting = asyncio.create_task(
        services.kernels.of(ANN, kernel.conversation_id).ensure_started()
    )
    await asyncio.sleep(0.2)
    assert not starting.done()
    await lose_restart(services, kernel.conversation_id)
    assert await starting == 2


async def test_key_that_is_none_is_refused(services: Services, kernel: Kernel) -> None:
    with pytest.raises(InvalidInput):
        await services.kernels.restart(ANN, kernel.conversation_id, idempotency_key="")
    with pytest.raises(NotFound):
        await services.kernels.restart(Viewer(username="bob"), kernel.conversation_id)


async def test_kernel_that_is_being_started_again_is_none_yet(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    """Its record says nothing of the process before it: neither which it was nor since when."""
    provider.kill("k1")
    provider.gate.clear()
    starting = asyncio.create_task(services.kernels.restart(ANN, kernel.conversation_id))
    await provider.until("start k2")
    found = await stored(services, kernel.conversation_id)
    assert (found.status, found.generation) == (RESTARTING, 2)
    assert (found.kernel_id, found.started_at) == (None, None)
    provider.gate.set()
    assert (await starting).generation == 2
    found = await stored(services, kernel.conversation_id)
    assert (found.kernel_id, found.started_at is not None) == ("k2", True)
