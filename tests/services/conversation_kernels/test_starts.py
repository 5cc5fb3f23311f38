"""Starts that fail, or whose conversation or record changes before they are over."""

import asyncio
import logging

import pytest

from pybot.errors import NotFound
from pybot.services.container import Services
from pybot.services.conversation_kernels.records import with_status
from pybot.services.kernels.base import KernelDied, KernelUnavailable
from pybot.services.records import Kernel, KernelStatus
from pybot.services.store import keys
from tests.kernel_provider import FakeKernels
from tests.services.conversation_kernels.conftest import (
    ANN,
    IDLE,
    RESTARTING,
    lose_restart,
    shut_down_during_restart,
    stored,
)

NO_GATEWAY = KernelUnavailable("No gateway.")


async def test_start_that_fails_is_dead_and_may_be_tried_again(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    await services.kernels.shutdown(ANN, kernel.conversation_id)
    port = services.kernels.of(ANN, kernel.conversation_id)
    provider.failure = NO_GATEWAY
    with pytest.raises(KernelUnavailable, match="No gateway"):
        await port.ensure_started()
    found = await stored(services, kernel.conversation_id)
    assert (found.status, found.generation, found.kernel_id) == (KernelStatus.DEAD, 2, None)
    provider.failure = None
    assert await port.ensure_started() == 3


async def test_conversation_deleted_while_its_kernel_starts_has_none(
    services: Services, provider: FakeKernels, kernel: Kernel, starting: "asyncio.Task[int]"
) -> None:
    await services.client.hset(keys.conversation(kernel.conversation_id), "deleted_at", 1)
    provider.gate.set()
    with pytest.raises(NotFound):
        await starting
    assert provider.alive == set()


async def test_process_that_cannot_be_ended_is_left_to_its_provider(
    services: Services,
    provider: FakeKernels,
    kernel: Kernel,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log names it."""
    provider.failure = NO_GATEWAY
    with caplog.at_level(logging.WARNING):
        await services.kernels.end_deleted(kernel.conversation_id)
    assert "kernel k1 is not ended: No gateway." in caplog.text
    assert provider.alive == {"k1"}


async def test_record_changed_during_a_start_keeps_what_it_says(
    services: Services, provider: FakeKernels, kernel: Kernel, starting: "asyncio.Task[int]"
) -> None:
    """Nobody asked for the end of this kernel: the code that waited for it is told that it died."""

    def died(before: Kernel | None) -> Kernel | None:
        return before and with_status(before, KernelStatus.DEAD)

    await services.kernels.records.change(kernel.conversation_id, died)
    provider.gate.set()
    with pytest.raises(KernelDied, match="in its place"):
        await starting
    assert (await stored(services, kernel.conversation_id)).status is KernelStatus.DEAD
    assert provider.alive == set()


async def test_kernel_shut_down_during_its_restart_is_not_started_instead(
    services: Services, provider: FakeKernels, kernel: Kernel
) -> None:
    """The provider finds its process gone: the shutdown has ended it."""
    restarting, stopping = await shut_down_during_restart(services, provider, kernel)
    provider.failure = KernelDied("gone")
    provider.gate.set()
    assert (await restarting).status is KernelStatus.STOPPED
    with pytest.raises(KernelDied):
        await stopping
    assert "start k2" not in provider.asked


async def test_start_in_place_of_a_dead_kernel_that_was_lost_is_done_again(
    servers: list[Services], provider: FakeKernels, kernel: Kernel
) -> None:
    """Its record names no process that could be restarted."""
    first, second = servers
    provider.kill(str(kernel.kernel_id))
    provider.gate.clear()
    lost = asyncio.create_task(first.kernels.restart(ANN, kernel.conversation_id))
    await provider.until("start k2")
    await first.kernels.aclose()
    with pytest.raises(asyncio.CancelledError):
        await lost
    found = await stored(second, kernel.conversation_id)
    assert (found.status, found.kernel_id) == (RESTARTING, None)
    provider.gate.set()
    await lose_restart(second, kernel.conversation_id)
    found = await second.kernels.restart(ANN, kernel.conversation_id)
    assert (found.status, found.kernel_id) == (IDLE, "k3")
    assert "restart k2" not in provider.asked
