"""A loop that has failed turns `/readyz` to 503; what a loop knows does not."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from pybot.services.conversation_kernels import commands
from pybot.services.conversations.cleanup import Cleanup
from pybot.services.kernels.base import KernelNotice, KernelUnavailable
from pybot.services.kernels.local import LocalKernels
from pybot.services.store import write_check
from pybot.services.store.appender import Appender
from pybot.services.store.hub import Hub
from tests.client import Api
from tests.failures import async_bug, bug, failures_logged
from tests.fixtures.server import Start


async def readiness(ann: Api) -> tuple[int, dict[str, Any]]:
    """The status and the body of `/readyz`."""
    async with ann.http.get(f"{ann.url}/readyz") as response:
        return response.status, await response.json()


async def until_not_ready(ann: Api) -> dict[str, Any]:
    """Wait until the server says that it is not ready; what it says."""
    async with asyncio.timeout(10):
        while True:
            status, state = await readiness(ann)
            if status == 503:
                return state
            await asyncio.sleep(0.05)


async def failing_notices(_: LocalKernels) -> AsyncGenerator[KernelNotice]:
    """Notices of kernels that end with a bug."""
    bug()
    yield KernelNotice("", "", "died")


@pytest.mark.parametrize(
    ("place", "attribute", "replacement", "name"),
    [
        (Hub, "_receive", async_bug, "listener to other processes"),
        (Hub, "_update_subscriptions", async_bug, "listener to other processes"),
        (LocalKernels, "notices", failing_notices, "watch of kernels"),
        (write_check, "why_writes_fail", async_bug, "check that Redis takes writes"),
        (Cleanup, "repair", async_bug, "repair of conversations"),
    ],
)
async def test_failed_loop_is_named_by_readyz(
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    place: Any,
    attribute: str,
    replacement: Any,
    name: str,
) -> None:
    """It answers 503 and the log has the traceback, once."""
    monkeypatch.setattr(place, attribute, replacement)
    async with start() as server:
        state = await until_not_ready(server.user())
    assert state["ready"] is False
    assert state["failing"] == "loops"
    assert state["backends"]["loops"] == f"the {name} has failed: see the log"
    assert state["backends"]["redis"] == "ok"
    assert failures_logged(caplog) == [f"the {name} has failed"]


async def test_failed_appender_refuses_requests_at_once(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also requests that wait for it: none hangs, and all get UNAVAILABLE."""
    async with start() as server:
        ann = server.user()
        assert (await readiness(ann))[0] == 200
        monkeypatch.setattr(Appender, "_execute", async_bug)
        async with asyncio.timeout(5):
            answers = await asyncio.gather(*(ann.send(f"hello {each}") for each in range(5)))
        codes = {error["code"] for answer in answers for error in answer["errors"]}
        assert codes == {"UNAVAILABLE"}
        assert (await until_not_ready(ann))["failing"] == "loops"
    assert failures_logged(caplog) == ["the appender has failed"]


async def test_provider_of_kernels_that_goes_away_ends_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch knows that, and asks again."""
    tries = asyncio.Semaphore(0)

    async def interrupted(_: LocalKernels) -> AsyncGenerator[KernelNotice]:
        yield KernelNotice("no conversation", "no kernel", "died")
        tries.release()
        raise KernelUnavailable("gone")

    monkeypatch.setattr(commands, "NOTICES_RETRY", 0.01)
    monkeypatch.setattr(LocalKernels, "notices", interrupted)
    async with start() as server:
        ann = server.user()
        async with asyncio.timeout(5):
            for _ in range(3):
                await tries.acquire()
        status, state = await readiness(ann)
    assert status == 200
    assert state["backends"]["loops"] == "ok"
