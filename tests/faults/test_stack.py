"""The whole local stack killed in mid-answer, and started again on the same data."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.client import Api
from tests.faults.conftest import LEASE, Fleet, until
from tests.faults.following import Followers, reached, text_reached
from tests.fixtures.pybot_process import PybotProcess, running

WORDS = 150
TEXT = " ".join(f"w{index}" for index in range(WORDS))
CODE = "import time\nopen('ran', 'a').write('x')\nprint('begun', flush=True)\ntime.sleep(60)"
LATER = "print(open('ran').read())"


async def up(fleet: Fleet, data: Path) -> tuple[PybotProcess, Api]:
    """Start the stack with the scripted model; a client of it."""
    process = fleet.start(
        *("up", "--port", "0", "--data-dir", str(data)),
        LLM__URL=fleet.tgi.url,
        LLM__IDLE_TIMEOUT="5",
        RUN__LEASE=str(LEASE),
    )
    return process, fleet.client(await asyncio.to_thread(process.url), "local")


@pytest.mark.parametrize("place", ["token", "cell"])
async def test_stack_killed_in_mid_answer_goes_on(
    fleet: Fleet, pybot_data: Path, place: str
) -> None:
    """The question and the finished steps are there; the run goes on and ends; no spinner stays."""
    process, ann = await up(fleet, pybot_data)
    script = f"[[slow: 100]] [[long: {WORDS}]]"
    if place == "cell":
        script = f"[[code: {CODE}]] [[code: {LATER}]] [[answer: {{output}}]]"
    sent = await ann.send(script)
    if place == "cell":
        await reached(ann, sent, "OutputChangedEvent")
    else:
        await text_reached(ann, sent, 100)
    # Redis writes its log out every second; what is younger may be lost with the machine alone.
    children = process.descendants()
    process.process.kill()
    process.process.wait()
    await until(lambda: not running(children))

    _, ann = await up(fleet, pybot_data)
    begun = time.monotonic()
    agreed = await Followers(ann, sent).agreed(LEASE + 10 + 10)
    assert time.monotonic() - begun < LEASE + 10 + 5
    assert agreed["run"]["status"] == "COMPLETED"
    if place == "token":
        assert agreed["parts"] == [{"text": TEXT}]
    else:
        _, cell, _, later, said = agreed["parts"]
        assert cell["status"] == "INTERRUPTED"
        assert "not known" in cell["outputs"][-1]["evalue"]
        assert later["outputs"][0]["text"] == "x\n"
        assert (
            said["text"] == "[the kernel was started anew: variables of earlier code are lost]\nx"
        )
