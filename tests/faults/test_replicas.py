"""Any mix of processes on one Redis: none of them is special to a user."""

import asyncio

from tests.client import run_of
from tests.faults.conftest import Fleet
from tests.faults.following import Followers, reached, text_reached

CANCEL = "mutation($id: ID!) { cancelRun(input: {runId: $id}) { errors { message } } }"
INTERRUPT = (
    "mutation($id: ID!) { interruptKernel(input: {conversationId: $id}) { errors { code } } }"
)


async def test_each_request_may_meet_another_replica(fleet: Fleet) -> None:
    """Sent to one, followed on another, interrupted and cancelled through a third."""
    first, second, third, worker = await asyncio.gather(
        fleet.web(), fleet.web(), fleet.web(RUN__CONCURRENCY="2"), fleet.worker()
    )
    code = "import time\nprint('begun', flush=True)\ntime.sleep(60)"
    sent = await first.send(f"[[code: {code}]] [[answer: Stopped: {{output}}]]")
    conversation = sent["conversation"]["id"]
    followers = Followers(second, sent)
    await reached(second, sent, "OutputChangedEvent")
    answer = await third.ask(INTERRUPT, id=conversation)
    assert answer["interruptKernel"]["errors"] == []
    agreed = await followers.agreed(30)
    assert agreed["run"]["status"] == "COMPLETED"
    assert agreed["parts"][1]["status"] == "INTERRUPTED"

    again = await second.send("[[slow: 50]] [[long: 2000]]", conversation)
    followers = Followers(third, again)
    await text_reached(first, again, 20)
    assert (await first.ask(CANCEL, id=again["run"]["id"]))["cancelRun"]["errors"] == []
    agreed = await followers.agreed(10)
    assert agreed["run"]["status"] == "CANCELLED"
    assert agreed["parts"][0]["text"].startswith("w0 w1")
    assert worker.logged("Traceback") == 0


async def test_queued_run_is_cancelled_through_another_process(fleet: Fleet) -> None:
    """Without any worker, the server that cancels ends the run, and the next message starts one."""
    first, second = await asyncio.gather(fleet.web(), fleet.web())
    sent = await first.send("hello")
    followers = Followers(first, sent)
    assert (await second.ask(CANCEL, id=sent["run"]["id"]))["cancelRun"]["errors"] == []
    assert (await followers.agreed(10))["run"]["status"] == "CANCELLED"
    again = await second.send("hello again", sent["conversation"]["id"])
    await fleet.worker()
    assert run_of(await first.until_ended(again))["status"] == "COMPLETED"
