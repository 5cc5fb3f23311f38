"""Commands to real kernels while they run code, local and behind a gateway, over two servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from pybot.config import Settings
from tests.client import Api, run_of
from tests.fixtures.server import Server, SettingsWith, serving
from tests.scripted_tgi import ScriptedTGI

RESTART = """mutation($input: RestartKernelInput!) { restartKernel(input: $input) {
  kernel { status generation } errors { __typename code } } }"""
SHUTDOWN = """mutation($input: ShutdownKernelInput!) { shutdownKernel(input: $input) {
  kernel { status generation } errors { __typename code } } }"""
USAGE = """query($id: ID!) { node(id: $id) {
  ... on Run { usage { promptTokens completionTokens } } } }"""
KERNELS = "{ viewer { kernels { startedAt lastActivityAt conversation { id } } } }"
# Neither an interrupt nor anything else that is raised ends it.
STUBBORN = """print('begun', flush=True)
import time
while True:
    try:
        time.sleep(0.05)
    except BaseException:
        pass"""


@pytest.fixture(params=["local", "gateway"])
def settings(request: pytest.FixtureRequest, settings_with: SettingsWith) -> Settings:
    """Settings for each provider of kernels."""
    changed = settings_with()
    if request.param == "local":
        return changed
    gateway = request.getfixturevalue("gateway")
    return changed.model_copy(update={"jupyter": gateway.settings()})


@pytest.fixture
async def two(settings: Settings, tgi: ScriptedTGI) -> AsyncIterator[list[Api]]:
    """Ann at a server whose worker answers, and at one that only serves."""
    idle = settings.model_copy(update={"run": settings.run.model_copy(update={"concurrency": 0})})
    async with AsyncExitStack() as stack:
        servers = [
            Server(await stack.enter_async_context(serving(each)), tgi, each)
            for each in (settings, idle)
        ]
        yield [server.user() for server in servers]
        for server in servers:
            for session in server.sessions:
                await session.close()


async def begin(ann: Api, code: str) -> Any:
    """A message whose code has begun to print."""
    sent = await ann.send(f"[[code: {code}]] [[answer: never]]")
    async with asyncio.timeout(30):
        async for event in ann.events(sent["conversation"]["id"], sent["eventCursor"]):
            if event["__typename"] == "OutputChangedEvent":
                return sent
    raise AssertionError("the stream ended")


@pytest.mark.parametrize(
    ("field", "command", "action", "kernel", "chip"),
    [
        (
            "restartKernel",
            RESTART,
            "restarted",
            {"status": "IDLE", "generation": 2},
            [("STARTING", 1), ("IDLE", 1), ("BUSY", 1), ("RESTARTING", 1), ("IDLE", 2)],
        ),
        (
            "shutdownKernel",
            SHUTDOWN,
            "shut down",
            {"status": "STOPPED", "generation": 1},
            [("STARTING", 1), ("IDLE", 1), ("BUSY", 1), ("STOPPED", 1)],
        ),
    ],
)
@pytest.mark.parametrize("asked", [0, 1], ids=["same-server", "other-server"])
async def test_kernel_that_its_user_ends_under_code_is_no_fault(
    two: list[Api],
    field: str,
    command: str,
    action: str,
    kernel: dict[str, Any],
    chip: list[tuple[str, int]],
    asked: int,
) -> None:
    """Run, cell and kernel say who did it, and the next question works in a new kernel."""
    ann = two[0]
    sent = await begin(ann, STUBBORN)
    named = {"conversationId": sent["conversation"]["id"]}
    payload = (await two[asked].ask(command, input=named))[field]
    assert payload == {"kernel": kernel, "errors": []}
    run = run_of(await ann.until_ended(sent))
    assert (run["status"], run["error"]["code"]) == ("INCOMPLETE", "KERNEL_RESTARTED")
    assert f"You {action} the kernel" in run["error"]["message"]

    snapshot = await ann.snapshot(named["conversationId"])
    cell = snapshot["messages"]["nodes"][-1]["parts"][1]["cell"]
    assert cell["status"] == "INTERRUPTED"
    assert f"the user {action} the kernel" in cell["outputs"][-1]["evalue"]
    assert {name: snapshot["kernel"][name] for name in kernel} == kernel
    assert await chip_of(ann, sent, snapshot) == chip

    again = await ann.send("[[code: print('x')]] [[answer: ok]]", named["conversationId"])
    assert run_of(await ann.until_ended(again))["status"] == "COMPLETED"
    found = (await ann.snapshot(named["conversationId"]))["kernel"]
    assert (found["status"], found["generation"]) == ("IDLE", 2)


async def test_kernel_that_dies_under_code_is_a_fault(two: list[Api]) -> None:
    """The twin, after a restart of its user's that is long over."""
    ann = two[0]
    sent = await ann.send("[[code: print(1)]] [[answer: ok]]")
    await ann.until_ended(sent)
    conversation = sent["conversation"]["id"]
    answer = await two[1].ask(RESTART, input={"conversationId": conversation})
    assert answer["restartKernel"]["errors"] == []
    code = "import os; os.kill(os.getpid(), 9)"
    died = await ann.send(f"[[code: {code}]] [[answer: never]]", conversation)
    run = run_of(await ann.until_ended(died))
    assert (run["status"], run["error"]["code"]) == ("FAILED", "KERNEL_DIED")
    assert (await ann.snapshot(conversation))["kernel"]["status"] == "DEAD"


async def test_20_identical_restarts_at_once_are_one(two: list[Api]) -> None:
    """One restart, one result 20 times; later, too, and after a restart with another key."""
    ann = two[0]
    sent = await ann.send("[[code: x = 1]] [[answer: ok]]")
    await ann.until_ended(sent)
    given = {"conversationId": sent["conversation"]["id"], "idempotencyKey": "k"}
    answers = await asyncio.gather(*(two[n % 2].ask(RESTART, input=given) for n in range(20)))
    restarted: dict[str, Any] = {"kernel": {"status": "IDLE", "generation": 2}, "errors": []}
    assert [answer["restartKernel"] for answer in answers] == [restarted] * 20
    for key, generation in (("k", 2), ("another", 3), ("k", 3)):
        answer = await two[1].ask(RESTART, input=given | {"idempotencyKey": key})
        kernel = {"status": "IDLE", "generation": generation}
        assert answer["restartKernel"] == {"kernel": kernel, "errors": []}


async def test_cancelled_run_has_its_tokens(two: list[Api]) -> None:
    ann = two[0]
    sent = await begin(ann, "print('begun', flush=True)\nimport time; time.sleep(60)")
    cancel = "mutation($id: ID!) { cancelRun(input: {runId: $id}) { errors { code } } }"
    await ann.ask(cancel, id=sent["run"]["id"])
    assert run_of(await ann.until_ended(sent))["status"] == "CANCELLED"
    usage = (await ann.ask(USAGE, id=sent["run"]["id"]))["node"]["usage"]
    assert usage["promptTokens"] > 3
    assert usage["completionTokens"] > 3


async def chip_of(ann: Api, sent: Any, snapshot: Any) -> list[tuple[str, int]]:
    """What the events said of the kernel, in order, up to a snapshot."""
    said: list[tuple[str, int]] = []
    async for event in ann.events(sent["conversation"]["id"], sent["eventCursor"]):
        if event["__typename"] == "KernelChangedEvent":
            said.append((event["kernel"]["status"], event["kernel"]["generation"]))
        if event["cursor"] == snapshot["eventCursor"]:
            break
    return said


async def test_viewers_kernels_are_those_that_are_alive(two: list[Api]) -> None:
    """From their start on, each with when it was started; a restart starts it again."""
    ann, _ = two
    assert (await ann.ask(KERNELS))["viewer"]["kernels"] == []
    first, second = [await ann.send("[[code: x = 1]] [[answer: Done.]]") for _ in range(2)]
    for sent in (first, second):
        await ann.until_ended(sent)
    again = await ann.send("[[code: x = 2]] [[answer: Done.]]", first["conversation"]["id"])
    await ann.until_ended(again)
    kernels = (await ann.ask(KERNELS))["viewer"]["kernels"]
    conversations = [kernel["conversation"]["id"] for kernel in kernels]
    assert conversations == [first["conversation"]["id"], second["conversation"]["id"]]
    assert all(kernel["startedAt"] < kernel["lastActivityAt"] for kernel in kernels)
    given = {"conversationId": conversations[0]}
    assert (await ann.ask(RESTART, input=given))["restartKernel"]["errors"] == []
    restarted = (await ann.ask(KERNELS))["viewer"]["kernels"][0]
    assert restarted["startedAt"] > kernels[0]["startedAt"]
    assert (await ann.ask(SHUTDOWN, input=given))["shutdownKernel"]["errors"] == []
    assert (await ann.ask(KERNELS))["viewer"]["kernels"] == kernels[1:]
    query = "query($id: ID!) { conversation(id: $id) { kernel { status startedAt } } }"
    ended = (await ann.ask(query, id=conversations[0]))["conversation"]["kernel"]
    assert ended == {"status": "STOPPED", "startedAt": None}
