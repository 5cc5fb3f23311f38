"""Kernels' commands through the schema; the provider beneath is a recording one."""

from typing import Any

import pytest

from pybot.errors import Unavailable
from pybot.schema import ids
from pybot.services.records import Kernel, KernelStatus
from tests.kernel_provider import FakeKernels
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
    kernel { status generation conversation { kernel { status } } }
    errors { __typename path }
  }
}
"""


@pytest.fixture
def provider(api: Api, monkeypatch: pytest.MonkeyPatch) -> FakeKernels:
    kernels = FakeKernels()
    kernels.alive.add("k1")
    monkeypatch.setattr(api.services.kernels.lifecycle, "provider", kernels)
    return kernels


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
    await api.services.kernels.records.change(service_id(conversation), lambda _: kernel)
    return conversation


async def refused(api: Api, mutation: str, **variables: Any) -> dict[str, Any]:
    """The one error of a mutation whose other fields must be null."""
    (payload,) = (await api(mutation, **variables)).values()
    (error,) = payload.pop("errors")
    assert set(payload.values()) == {None}
    found: dict[str, Any] = error
    return found


async def test_interrupt_reaches_the_kernel(
    api: Api, provider: FakeKernels, conversation: str
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
    api: Api, provider: FakeKernels, conversation: str
) -> None:
    payload = (await api(RESTART, id=conversation, key="k"))["restartKernel"]
    assert payload == {"kernel": {"status": "IDLE", "generation": 2}, "errors": []}
    assert (await api(RESTART, id=conversation, key="k"))["restartKernel"] == payload
    assert provider.asked == ["restart k1"]


async def test_shutdown_leaves_the_kernel_stopped(
    api: Api, provider: FakeKernels, conversation: str
) -> None:
    """Once and again: what is stopped already stays so."""
    stopped = {"status": "STOPPED", "generation": 1}
    for _ in range(2):
        payload = (await api(SHUTDOWN, id=conversation))["shutdownKernel"]
        kernel = stopped | {"conversation": {"kernel": {"status": "STOPPED"}}}
        assert payload == {"kernel": kernel, "errors": []}
    assert provider.asked == ["shutdown k1"]
    found = await api(
        "query ($id: ID!) { conversation(id: $id) { kernel { status } } }", id=conversation
    )
    assert found["conversation"]["kernel"] == {"status": "STOPPED"}


@pytest.mark.parametrize("mutation", [INTERRUPT, RESTART, SHUTDOWN])
async def test_kernel_that_does_not_run_is_a_conflict(
    api: Api, provider: FakeKernels, mutation: str
) -> None:
    error = await refused(api, mutation, id=await api.create())
    assert error == {"__typename": "ConflictError", "path": ["input", "conversationId"]}
    assert provider.asked == []


@pytest.mark.parametrize("mutation", [INTERRUPT, RESTART, SHUTDOWN])
async def test_someone_elses_kernel_is_not_found(
    api: Api, provider: FakeKernels, conversation: str, mutation: str
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
