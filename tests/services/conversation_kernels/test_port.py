"""The kernel of a conversation, as the run that writes its answer uses it."""

import pytest

from pybot.services.container import Services
from pybot.services.kernels.base import Done, KernelDied, KernelEndedByUser, Started
from pybot.services.records import Kernel, KernelStatus
from tests.kernel_provider import FakeKernels
from tests.services.conversation_kernels.conftest import ANN, BUSY, IDLE, statuses, stored


async def test_code_of_a_lost_worker_is_followed(services: Services, kernel: Kernel) -> None:
    """The kernel is busy meanwhile, as when it was sent."""
    port = services.kernels.of(ANN, kernel.conversation_id)
    reactions = [reaction async for reaction in port.follow(message_id="m")]
    assert reactions == [Started(1), Done("ok", 1)]
    assert (await statuses(services, kernel.conversation_id))[2:] == [(BUSY, 1), (IDLE, 1)]


async def test_only_the_generation_whose_process_lives_is_alive(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    port = services.kernels.of(ANN, kernel.conversation_id)
    assert await port.is_alive(1)
    assert not await port.is_alive(2)
    assert not await port.is_alive(None)
    provider.kill(str(kernel.kernel_id))
    assert not await port.is_alive(1)


async def test_interrupt_by_a_run_makes_its_kernel_idle(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    await services.kernels.records.set_status(kernel, BUSY)
    await services.kernels.of(ANN, kernel.conversation_id).interrupt()
    assert provider.asked == ["start k1", "interrupt k1"]
    assert (await stored(services, kernel.conversation_id)).status is IDLE


async def test_kernel_that_never_was_neither_runs_nor_lives(
    services: Services, provider: FakeKernels
) -> None:
    """There is nothing to interrupt, and a restart is a start."""
    conversation_id = (await services.conversations.create(ANN)).conversation.id
    port = services.kernels.of(ANN, conversation_id)
    assert not await port.is_alive(None)
    await port.interrupt()
    with pytest.raises(KernelDied):
        await anext(port.execute("1", message_id="m"))
    assert provider.asked == []
    await port.restart()
    assert provider.asked == ["start k1"]
    assert (await stored(services, conversation_id)).status is IDLE


async def test_restart_by_a_run_starts_what_was_shut_down(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    """Until then its code knows who ended it."""
    await services.kernels.shutdown(ANN, kernel.conversation_id)
    port = services.kernels.of(ANN, kernel.conversation_id)
    with pytest.raises(KernelEndedByUser, match="shut down"):
        await anext(port.execute("1", message_id="m"))
    await port.restart()
    assert provider.asked == ["start k1", "shutdown k1", "start k2"]
    found = await stored(services, kernel.conversation_id)
    assert (found.status, found.generation) == (KernelStatus.IDLE, 2)


async def test_death_that_nobody_caused_leaves_later_kernels_alone(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    """Code ends with its process; the record names another one by then."""
    port = services.kernels.of(ANN, kernel.conversation_id)
    running = port.execute("loop", message_id="m")
    assert await anext(running) == Started(1)
    provider.kill(str(kernel.kernel_id))
    assert await port.ensure_started() == 2
    with pytest.raises(KernelDied):
        await anext(running)
    found = await stored(services, kernel.conversation_id)
    assert (found.status, found.kernel_id) == (KernelStatus.IDLE, "k2")
