"""Kernels' commands through the schema; the provider beneath is a recording one."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from pybot.errors import Unavailable
from pybot.schema import ids
from pybot.services.kernels.base import KernelNotice
from pybot.services.records import Kernel, KernelStatus
from tests.resolvers.conftest import BOB, Api, service_id

INTERRUPT = """
mutation ($id: ID!) {
  interruptKernel(input: {conversationId: $id}) {
    kernel { id status name generation lastActivityAt conversation { id } }
    errors { __typename path }
  }
}
"""

RESTART = """
mutation ($id: ID!, $key: String) {
  restartKernel(input: {conversationId: $id, idempotencyKey: $key}) {
    kernel { status generation }
    errors { __typename path }
  }
}
"""

SHUTDOWN = """
mutation ($id: ID!) {
  shutdownKernel(input: {conversationId: $id}) {
    conversation { id kernel { id } }
    errors { __typename path }
  }
}
"""


class Recorder:
    """A provider whose kernels obey, and that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def interrupt(self, kernel_id: str) -> None:
        self.asked.append(f"interrupt {kernel_id}")

    async def restart(self, kernel_id: str) -> None:
        self.asked.append(f"restart {kernel_id}")

    async def shutdown(self, kernel_id: str) -> None:
        self.asked.append(f"shutdown {kernel_id}")

    async def notices(self) -> AsyncGenerator[KernelNotice]:
        """Nothing happens to these kernels by itself."""
        await asyncio.Event().wait()
        yield KernelNotice("", "", "died")

    async def aclose(self) -> None:
        """Nothing is open."""


@pytest.fixture
def provider(api: Api, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(api.services.kernels, "provider", recorder)
    return recorder


@pytest.fixture
async def conversation(api: Api) -> str:
    """A conversation with an idle kernel."""
    conversation = await api.create()
    kernel = Kernel(
        conversation_id=service_id(conversation),
        status=KernelStatus.IDLE,
        generation=1,
        kernel_id="k1",
    )
    await api.services.kernels.change(service_id(conversation), lambda _: kernel)
    return conversation


async def refused(api: Api, mutation: str, **variables: Any) -> dict[str, Any]:
    """The one error of a mutation whose other fields must be null."""
    (payload,) = (await api(mutation, **variables)).values()
    (error,) = payload.pop("errors")
    assert set(payload.values()) == {None}
    found: dict[str, Any] = error
    return found


async def test_interrupt_reaches_the_kernel(
    api: Api, provider: Recorder, conversation: str
) -> None:
    payload = (await api(INTERRUPT, id=conversation))["interruptKernel"]
    assert payload["errors"] == []
    assert payload["kernel"] == {
        "id": ids.encode("Kernel", service_id(conversation)),
        "status": "IDLE",
        "name": "python3",
        "generation": 1,
        "lastActivityAt": None,
        "conversation": {"id": conversation},
    }
    assert provider.asked == ["interrupt k1"]


async def test_restart_begins_a_generation_once_for_a_key(
    api: Api, provider: Recorder, conversation: str
) -> None:
    payload = (await api(RESTART, id=conversation, key="k"))["restartKernel"]
    assert payload == {"kernel": {"status": "IDLE", "generation": 2}, "errors": []}
    assert (await api(RESTART, id=conversation, key="k"))["restartKernel"] == payload
    assert provider.asked == ["restart k1"]


async def test_shutdown_leaves_no_kernel(api: Api, provider: Recorder, conversation: str) -> None:
    payload = (await api(SHUTDOWN, id=conversation))["shutdownKernel"]
    assert payload == {"conversation": {"id": conversation, "kernel": None}, "errors": []}
    assert provider.asked == ["shutdown k1"]


@pytest.mark.parametrize("mutation", [INTERRUPT, RESTART])
async def test_kernel_that_does_not_run_is_a_conflict(
    api: Api, provider: Recorder, mutation: str
) -> None:
    error = await refused(api, mutation, id=await api.create())
    assert error == {"__typename": "ConflictError", "path": ["input", "conversationId"]}
    assert provider.asked == []


@pytest.mark.parametrize("mutation", [INTERRUPT, RESTART, SHUTDOWN])
async def test_someone_elses_kernel_is_not_found(
    api: Api, provider: Recorder, conversation: str, mutation: str
) -> None:
    for named in (conversation, "nonsense"):
        error = await refused(api.by(BOB), mutation, id=named)
        assert error == {"__typename": "NotFoundError", "path": ["input", "conversationId"]}
    assert provider.asked == []


async def test_provider_out_of_reach_is_unavailable(
    api: Api, conversation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def out_of_reach(*_: object) -> Kernel:
        raise Unavailable("No kernels here.")

    monkeypatch.setattr(api.services.kernels, "interrupt", out_of_reach)
    error = await refused(api, INTERRUPT, id=conversation)
    assert error == {"__typename": "UnavailableError", "path": []}
