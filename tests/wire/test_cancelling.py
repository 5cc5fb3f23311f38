"""Cancelling in mid-token, in mid-cell and while queued; kernels that are killed."""

import asyncio
import time
from typing import Any

from tests.client import Api, run_of
from tests.fixtures.server import Server, Start

CANCEL = (
    "mutation($id: ID!) { cancelRun(input: {runId: $id}) { run { id status } errors { message } } }"
)


async def until(ann: Api, sent: Any, name: str, **fields: Any) -> dict[str, Any]:
    """The first event of a type that has these values in its record."""
    async with asyncio.timeout(30):
        async for event in ann.events(sent["conversation"]["id"], sent["eventCursor"]):
            if event["__typename"] == name:
                record = event.get("cell") or event.get("run") or event.get("kernel") or event
                if all(record.get(key) == value for key, value in fields.items()):
                    return event
    raise AssertionError("the stream ended")


async def test_cancel_in_mid_token_closes_the_models_stream(server: Server) -> None:
    """What was written stays, the run is CANCELLED, and the model's connection is closed."""
    ann = server.user()
    sent = await ann.send("[[slow: 50]] [[long: 2000]]")
    await until(ann, sent, "TextDeltaEvent")
    begun = time.monotonic()
    await ann.ask(CANCEL, id=sent["run"]["id"])
    events = await ann.until_ended(sent)
    await server.tgi.until(lambda: server.tgi.requests[0].end == "gone")
    assert time.monotonic() - begun < 1
    assert run_of(events)["status"] == "CANCELLED"
    message = (await ann.snapshot(sent["conversation"]["id"]))["messages"]["nodes"][-1]
    assert message["status"] == "CANCELLED"
    assert message["parts"][0]["text"].startswith("w0")
    again = await ann.send("go on", sent["conversation"]["id"])
    assert run_of(await ann.until_ended(again))["status"] == "COMPLETED"


async def test_cancel_in_mid_cell_interrupts_the_kernel(server: Server) -> None:
    """The code stops within a second, its variables stay."""
    ann = server.user()
    code = "x = 1\nprint('begun', flush=True)\nimport time\nwhile True: time.sleep(0.01)"
    sent = await ann.send(f"[[code: {code}]] [[answer: never]]")
    await until(ann, sent, "OutputChangedEvent")
    begun = time.monotonic()
    await ann.ask(CANCEL, id=sent["run"]["id"])
    events = await ann.until_ended(sent)
    assert time.monotonic() - begun < 2
    assert run_of(events)["status"] == "CANCELLED"
    cell = (await ann.snapshot(sent["conversation"]["id"]))["messages"]["nodes"][-1]["parts"][1]
    assert cell["cell"]["status"] == "INTERRUPTED"
    again = await ann.send("[[code: print(x + 1)]] [[answer: ok]]", sent["conversation"]["id"])
    await ann.until_ended(again)
    parts = (await ann.snapshot(sent["conversation"]["id"]))["messages"]["nodes"][-1]["parts"]
    assert parts[1]["cell"]["outputs"][0]["text"] == "2\n"


async def test_cancel_of_a_queued_run_ends_it(start: Start) -> None:
    """Without a worker, the server that cancels ends the run."""
    async with start(run={"concurrency": 0}) as server:
        ann = server.user()
        sent = await ann.send("hello")
        answer = (await ann.ask(CANCEL, id=sent["run"]["id"]))["cancelRun"]
        assert answer["run"]["status"] == "CANCELLED"
        assert (await ann.snapshot(sent["conversation"]["id"]))["activeRun"] is None
        answer = (await ann.ask(CANCEL, id=sent["run"]["id"]))["cancelRun"]
        assert answer["errors"] == []


async def test_kernel_killed_in_mid_cell_fails_the_run(server: Server) -> None:
    """The run fails with the reason and the next step, and the next code gets a new kernel."""
    ann = server.user()
    code = "import os, time\nprint('begun', flush=True)\ntime.sleep(0.2)\nos.kill(os.getpid(), 9)"
    sent = await ann.send(f"[[code: {code}]] [[answer: never]]")
    run = run_of(await ann.until_ended(sent))
    assert run["status"] == "FAILED"
    assert run["error"]["code"] == "KERNEL_DIED"
    snapshot = await ann.snapshot(sent["conversation"]["id"])
    assert snapshot["kernel"]["status"] == "DEAD"
    parts = snapshot["messages"]["nodes"][-1]["parts"]
    assert parts[1]["cell"]["status"] == "INTERRUPTED"
    assert parts[-1]["__typename"] == "ErrorPart"
    again = await ann.send("[[code: print(1)]] [[answer: ok]]", sent["conversation"]["id"])
    assert run_of(await ann.until_ended(again))["status"] == "COMPLETED"
    kernel = (await ann.snapshot(sent["conversation"]["id"]))["kernel"]
    assert (kernel["status"], kernel["generation"]) == ("IDLE", 2)


async def test_cell_over_its_time_limit_is_interrupted(start: Start) -> None:
    """The limit interrupts the code; the model continues the answer."""
    async with start(run={"cell_timeout": 1}) as server:
        ann = server.user()
        sent = await ann.send("[[code: while True: pass]] [[answer: too slow]]")
        events = await ann.until_ended(sent)
        assert run_of(events)["status"] == "COMPLETED"
        parts = (await ann.snapshot(sent["conversation"]["id"]))["messages"]["nodes"][-1]["parts"]
        assert parts[1]["cell"]["status"] == "INTERRUPTED"
        assert parts[2]["text"] == "too slow"


async def test_kernel_commands_act_on_the_kernel(server: Server) -> None:
    """Interrupt ends the cell; restart loses the variables; shutdown stops the kernel."""
    ann = server.user()
    code = "import time; y = 5; print('begun', flush=True); time.sleep(60)"
    sent = await ann.send(f"[[code: {code}]] [[answer: ok]]")
    conversation = sent["conversation"]["id"]
    await until(ann, sent, "OutputChangedEvent")
    command = "mutation($id: ID!) {{ {0}(input: {{conversationId: $id}}) {{ errors {{ code }} }} }}"
    answer = await ann.ask(command.format("interruptKernel"), id=conversation)
    assert answer["interruptKernel"]["errors"] == []
    assert run_of(await ann.until_ended(sent))["status"] == "COMPLETED"

    answer = await ann.ask(command.format("restartKernel"), id=conversation)
    assert answer["restartKernel"]["errors"] == []
    again = await ann.send("[[code: print('y' in dir())]] [[answer: ok]]", conversation)
    await ann.until_ended(again)
    snapshot = await ann.snapshot(conversation)
    cell = snapshot["messages"]["nodes"][-1]["parts"][1]["cell"]
    assert cell["outputs"][0]["text"] == "False\n"
    assert snapshot["kernel"]["generation"] == 2

    await ann.ask(command.format("shutdownKernel"), id=conversation)
    assert (await ann.snapshot(conversation))["kernel"]["status"] == "STOPPED"
    answer = await ann.ask(command.format("interruptKernel"), id=conversation)
    assert answer["interruptKernel"]["errors"][0]["code"] == "CONFLICT"
