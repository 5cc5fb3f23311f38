"""A web server that ends while people follow answers: they get a close code, and reconnect."""

import asyncio
import contextlib
import signal
import time
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError

from pybot.serving import DRAIN_SECONDS
from tests.client import Api, Socket, ended, run_of
from tests.faults.conftest import TAKEN_UP_WITHIN, Fleet
from tests.faults.following import Events, follow
from tests.faults.view import FULL_EVENTS, shown_of, view_of

WORDS = 500  # ten seconds: a worker starts meanwhile
TEXT = " ".join(f"w{index}" for index in range(WORDS))
WRITING = f"[[slow: 50]] [[long: {WORDS}]]"
CLOSE_FRAMES = DRAIN_SECONDS + 1  # seconds in which every follower gets its close frame
GRACE = 10  # seconds in which the process has ended; the manifests give it 30


async def until_closed(
    ann: Api, sent: Any, seen: Events, begun: asyncio.Event
) -> tuple[int, str, float]:
    """Follow over one socket until the server closes it: code, reason and when."""

    async def take(socket: Socket) -> None:
        stream = socket.subscribe(
            FULL_EVENTS, id=sent["conversation"]["id"], after=sent["eventCursor"]
        )
        async with contextlib.aclosing(stream):
            async for data in stream:
                seen.append(data["conversationEvents"])
                if sum("offset" in event for event in seen) == 20:
                    begun.set()

    async with ann.socket() as socket:
        with pytest.raises(ConnectionClosedError) as closed:
            await take(socket)
    frame = closed.value.rcvd
    assert frame is not None, "cut without a close frame"
    return frame.code, frame.reason, time.monotonic()


@pytest.mark.parametrize("concurrency", ["0", "2"], ids=["serves", "serves and works"])
async def test_server_that_ends_sends_its_followers_to_another(
    fleet: Fleet, concurrency: str
) -> None:
    """SIGTERM: 1012 with the reason, exit 0 in time; elsewhere the rest follows the cursor."""
    here = await fleet.web(RUN__CONCURRENCY=concurrency)
    process = fleet.processes[-1]
    if concurrency == "0":
        await fleet.worker()
    there = await fleet.web()
    sent, seen, begun = await here.send(WRITING), Events(), asyncio.Event()
    following = asyncio.create_task(until_closed(here, sent, seen, begun))
    async with asyncio.timeout(30):
        await begun.wait()
    if concurrency != "0":
        await fleet.worker()
    signalled = time.monotonic()
    ending = asyncio.create_task(asyncio.to_thread(process.end, signal.SIGTERM))
    (code, reason, closed), seconds = await asyncio.gather(following, ending)
    assert (code, reason) == (1012, "The server is restarting")
    assert not any(map(ended, seen)), "it was over before the server was asked to end"
    assert closed - signalled < CLOSE_FRAMES
    assert seconds < GRACE
    assert process.process.returncode == 0
    assert process.logged("Traceback") == 0

    async with asyncio.timeout(TAKEN_UP_WITHIN + 10):
        rest = await follow(there, {**sent, "eventCursor": seen[-1]["cursor"]})
    cursors = [event["cursor"] for event in (*seen, *rest)]
    assert len(cursors) == len(set(cursors))
    assert run_of(rest)["status"] == "COMPLETED"
    answer = (await there.snapshot(sent["conversation"]["id"]))["messages"]["nodes"][-1]
    assert view_of(answer["id"], [*seen, *rest]) == shown_of(answer) == [{"text": TEXT}]
