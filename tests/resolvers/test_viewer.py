"""What a viewer has going: runs that have not ended, kernels that are alive."""

from typing import Any

import pytest

from pybot.services.agent.ports import Suspension
from pybot.services.conversation_kernels import commands
from pybot.services.records import Kernel, KernelStatus, RunPhase, Viewer
from pybot.services.store import keys
from pybot.services.values.instants import instant
from tests.resolvers.conftest import BOB, Api, service_id
from tests.resolvers.test_messages import CANCEL

RUNS = "{ viewer { activeRuns { id status phase conversation { id } } } }"
KERNELS = "{ viewer { kernels { status conversation { id } } } }"


async def runs(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api(RUNS))["viewer"]["activeRuns"]
    return found


async def with_kernel(api: Api, status: KernelStatus, at: int | None = None) -> str:
    """A conversation whose kernel was needed, and ran code last at a ms; its global ID."""
    conversation = await api.create()
    conversation_id = service_id(conversation)
    records = api.services.kernels.records
    kernel = Kernel(
        conversation_id=conversation_id,
        status=status,
        last_activity_at=None if at is None else instant(at),
    )
    await records.note_needed(api.viewer, conversation_id)
    await records.change(conversation_id, lambda _: kernel)
    return conversation


async def kernels(api: Api) -> list[str]:
    """The conversations of the viewer's kernels."""
    found = (await api(KERNELS))["viewer"]["kernels"]
    return [each["conversation"]["id"] for each in found]


async def test_active_runs_come_oldest_first_until_they_end(api: Api) -> None:
    started = [await api.send(text) for text in ("one", "two", "three")]
    assert await runs(api) == [
        {
            "id": each.run,
            "status": "QUEUED",
            "phase": None,
            "conversation": {"id": each.conversation},
        }
        for each in started
    ]
    assert await runs(api.by(BOB)) == []
    await api(CANCEL, id=started[1].run)
    assert [run["id"] for run in await runs(api)] == [started[0].run, started[2].run]


async def test_run_that_waits_for_the_viewer_is_active(api: Api) -> None:
    """Between those that go on, where it stood before."""
    started = [await api.send(text) for text in ("one", "two")]
    snapshot = await api.services.snapshots.open(api.viewer, service_id(started[0].conversation))
    assert snapshot.run is not None
    log = api.services.run_logs.of(api.viewer, snapshot.run, "worker")
    await log.take_up()
    suspension = Suspension(phase=RunPhase.AWAITING_APPROVAL)
    assert await api.services.suspensions.suspend(log, api.viewer, suspension, 0) is None
    found = [(run["id"], run["phase"]) for run in await runs(api)]
    assert found == [(started[0].run, "AWAITING_APPROVAL"), (started[1].run, None)]


async def test_run_that_was_admitted_and_never_begun_is_not_active(api: Api) -> None:
    lost = f"{'0' * 32}.{'1' * 32}"
    await api.services.client.zadd(keys.viewer_runs(api.viewer.key), {lost: 1})
    assert await runs(api) == []


async def test_model_of_a_run_without_one_is_its_conversations(api: Api) -> None:
    """As Pybot 0.1.0 left them."""
    started = await api.send()
    query = "query ($id: ID!) { node(id: $id) { ... on Run { model } } }"
    assert (await api(query, id=started.run))["node"] == {"model": "scripted"}
    run = keys.run(service_id(started.run))
    await api.services.client.hdel(run, "model")
    head = keys.conversation(service_id(started.conversation))
    await api.services.client.hset(head, "model", "of/yesterday")
    assert (await api(query, id=started.run))["node"] == {"model": "of/yesterday"}


async def test_kernels_that_are_alive_come_by_their_last_code(api: Api) -> None:
    older = await with_kernel(api, KernelStatus.IDLE, 1_000)
    newer = await with_kernel(api, KernelStatus.BUSY, 2_000)
    starting = await with_kernel(api, KernelStatus.STARTING)
    restarting = await with_kernel(api, KernelStatus.RESTARTING, 1_500)
    for status in (KernelStatus.STOPPED, KernelStatus.DEAD):
        await with_kernel(api, status, 3_000)
    assert await kernels(api) == [newer, restarting, older, starting]
    assert await kernels(api.by(BOB)) == []


async def test_kernel_of_a_deleted_conversation_is_listed_no_more(api: Api) -> None:
    conversation = await with_kernel(api, KernelStatus.IDLE, 1_000)
    await api(
        "mutation ($id: ID!) { deleteConversations(input: {conversationIds: [$id]}) {"
        " errors { code } } }",
        id=conversation,
    )
    assert await kernels(api) == []
    assert await api.services.client.exists(keys.viewer_kernels(api.viewer.key)) == 0


async def test_list_of_kernels_forgets_those_that_ended(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once they could have been started again; not those that are needed again by now."""
    conversation = service_id(await with_kernel(api, KernelStatus.DEAD, 1_000))
    records = api.services.kernels.records
    await kernels(api)
    assert list(await records.needed(api.viewer)) == [conversation]
    monkeypatch.setattr(commands, "NEVER_STARTED", -1_000)
    forget = records.forget_needed

    async def needed_meanwhile(viewer: Viewer, noted: dict[str, int]) -> None:
        key = keys.viewer_kernels(viewer.key)
        await api.services.client.zincrby(key, 1, conversation)
        await forget(viewer, noted)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(records, "forget_needed", needed_meanwhile)
        await kernels(api)
    assert list(await records.needed(api.viewer)) == [conversation]
    await kernels(api)
    assert await records.needed(api.viewer) == {}
