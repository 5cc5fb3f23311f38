"""How kernels end: by their users, by a run, or by themselves, while code runs or one starts."""

import asyncio

import pytest
from msgspec.structs import replace

from pybot.errors import Conflict, Unavailable
from pybot.services.container import Services
from pybot.services.kernels.base import KernelDied, KernelEndedByUser, KernelUnavailable
from pybot.services.records import Kernel, KernelStatus
from pybot.services.store import keys
from tests.kernel_provider import FakeKernels
from tests.services.conversation_kernels.conftest import (
    ANN,
    BUSY,
    IDLE,
    RESTARTING,
    shut_down_during_restart,
    statuses,
    stored,
    until_running,
)


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
    services: Services, provider: FakeKernels, kernel: Kernel, starting: "asyncio.Task[int]"
) -> None:
    await services.kernels.shutdown(ANN, kernel.conversation_id)
    provider.gate.set()
    with pytest.raises(KernelEndedByUser, match="shut down"):
        await starting
    assert (await stored(services, kernel.conversation_id)).status is KernelStatus.STOPPED
    assert provider.alive == set()


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
    restarting, stopping = await shut_down_during_restart(services, provider, kernel)
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


async def test_interrupt_finds_out_that_a_kernel_is_gone(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    """One that lives is interrupted, and stays what it is."""
    kernels, named = services.kernels, kernel.conversation_id
    assert await kernels.interrupt(ANN, named) == kernel
    provider.failure = KernelUnavailable("No gateway.")
    with pytest.raises(Unavailable, match="No gateway"):
        await kernels.interrupt(ANN, named)
    assert await stored(services, named) == kernel
    provider.failure = None
    provider.kill(str(kernel.kernel_id))
    assert (await kernels.interrupt(ANN, named)).status is KernelStatus.DEAD
    with pytest.raises(Conflict):
        await kernels.interrupt(ANN, named)


async def test_commands_on_a_kernel_that_never_was_are_conflicts(services: Services) -> None:
    named = (await services.conversations.create(ANN)).conversation.id
    with pytest.raises(Conflict) as refused:
        await services.kernels.restart(ANN, named)
    assert refused.value.path == ("conversationId",)
    with pytest.raises(Conflict) as refused:
        await services.kernels.shutdown(ANN, named)
    assert refused.value.path == ("conversationId",)


async def test_end_of_a_deleted_conversations_kernel_needs_no_record(
    services: Services, kernel: Kernel
) -> None:
    """Its provider may tell of it in the moment of the deletion; before, it is recorded."""
    named = kernel.conversation_id
    await services.client.hset(keys.conversation(named), "deleted_at", 1)
    await services.kernels.record_end(named, "k1", KernelStatus.DEAD)
    assert await stored(services, named) == kernel
    await services.client.hset(keys.conversation(named), "deleted_at", 0)
    await services.kernels.record_end(named, "k1", KernelStatus.DEAD)
    assert (await stored(services, named)).status is KernelStatus.DEAD


async def test_shutdown_that_fails_late_leaves_the_next_kernel(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    """The old one is not put back in place of one that was started meanwhile."""
    provider.gate.clear()
    stopping = asyncio.create_task(services.kernels.shutdown(ANN, kernel.conversation_id))
    await provider.until("shutdown k1")
    started = replace(kernel, generation=2, kernel_id="k2")
    await services.kernels.records.change(kernel.conversation_id, lambda _: started)
    provider.failure = KernelUnavailable("No gateway.")
    provider.gate.set()
    with pytest.raises(Unavailable):
        await stopping
    assert await stored(services, kernel.conversation_id) == started
