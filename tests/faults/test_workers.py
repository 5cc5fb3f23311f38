"""Workers that are lost: killed, stopped and continued, ended. Others go on with their runs."""

import asyncio
import signal
import time

from tests.client import run_of
from tests.faults.conftest import LEASE, TAKEN_UP_WITHIN, Fleet, until
from tests.faults.following import Followers, reached, text_reached

WORDS = 150
TEXT = " ".join(f"w{index}" for index in range(WORDS))
WRITING = f"[[slow: 100]] [[long: {WORDS}]]"
# Says in a file that it ran, and prints for three seconds.
CELL = (
    "import time\nopen('ran', 'a').write('x')\n"
    "for i in range(30):\n    print(i, flush=True)\n    time.sleep(0.1)"
)
RUNNING = f"[[code: {CELL}]] [[code: print(i, open('ran').read())]] [[answer: It ran: {{output}}]]"


async def test_worker_killed_in_mid_token(fleet: Fleet) -> None:
    """Another worker writes the unfinished text again; clients drop the old one."""
    ann, workers = await asyncio.gather(fleet.web(), fleet.workers(2))
    sent = await ann.send(WRITING)
    followers = Followers(ann, sent)
    await text_reached(ann, sent, 100)
    lost = await fleet.worker_of_run(workers)
    lost.process.kill()
    agreed = await followers.agreed(TAKEN_UP_WITHIN + 10)
    assert agreed["run"]["status"] == "COMPLETED"
    assert agreed["parts"] == [{"text": TEXT}]
    revisions = {event.get("revision") for event in agreed["events"] if "offset" in event}
    assert revisions == {0, 1}


async def test_worker_killed_in_mid_cell(fleet: Fleet) -> None:
    """The cell is followed to its end and not run again; the run goes on."""
    ann, workers = await asyncio.gather(fleet.web(), fleet.workers(2))
    sent = await ann.send(RUNNING)
    followers = Followers(ann, sent)
    await reached(ann, sent, "OutputChangedEvent")
    lost = await fleet.worker_of_run(workers)
    lost.process.kill()
    agreed = await followers.agreed(TAKEN_UP_WITHIN + 10)
    assert agreed["run"]["status"] == "COMPLETED"
    _, cell, _, checked, said = agreed["parts"]
    assert cell["source"] == CELL
    assert cell["status"] == "COMPLETED"
    assert cell["outputs"][0]["text"].startswith("0\n")
    assert "may be missing" in cell["outputs"][1]["text"]
    assert cell["outputs"][-1]["text"].endswith("29\n")
    assert checked["outputs"][0]["text"] == "29 x\n"
    assert said["text"] == "It ran: 29 x"


async def test_worker_stopped_in_mid_cell_comes_back(fleet: Fleet) -> None:
    """Beside its replacement it writes nothing, and leaves the kernel alone."""
    ann, workers = await asyncio.gather(fleet.web(), fleet.workers(2))
    longer = RUNNING.replace("range(30)", "range(100)")
    sent = await ann.send(longer)
    followers = Followers(ann, sent)
    await reached(ann, sent, "OutputChangedEvent")
    lost = await fleet.worker_of_run(workers)
    lost.process.send_signal(signal.SIGSTOP)
    (other,) = (each for each in workers if each is not lost)
    await until(lambda: other.logged("run taken up") == 1, timeout=TAKEN_UP_WITHIN)
    lost.process.send_signal(signal.SIGCONT)
    await until(lambda: lost.logged("run taken over") == 1, timeout=5)
    agreed = await followers.agreed(30)
    assert agreed["run"]["status"] == "COMPLETED"
    _, cell, _, checked, said = agreed["parts"]
    assert cell["status"] == "COMPLETED"
    assert checked["outputs"][0]["text"] == "99 x\n"
    assert said["text"] == "It ran: 99 x"
    assert [each.logged("run taken up") for each in (lost, other)] == [1, 1]


async def test_worker_stopped_in_mid_token_comes_back(fleet: Fleet) -> None:
    """It closes its stream of the model; the text is the replacement's alone."""
    ann, workers = await asyncio.gather(fleet.web(), fleet.workers(2))
    sent = await ann.send("[[slow: 25]] [[long: 150]]")
    followers = Followers(ann, sent)
    await text_reached(ann, sent, 20)
    lost = await fleet.worker_of_run(workers)
    lost.process.send_signal(signal.SIGSTOP)
    (other,) = (each for each in workers if each is not lost)
    await until(lambda: other.logged("run taken up") == 1, timeout=TAKEN_UP_WITHIN)
    lost.process.send_signal(signal.SIGCONT)
    await until(lambda: lost.logged("run taken over") == 1, timeout=5)
    await fleet.tgi.until(lambda: fleet.tgi.requests[0].end == "gone")
    agreed = await followers.agreed(30)
    assert agreed["run"]["status"] == "COMPLETED"
    assert agreed["parts"] == [{"text": TEXT}]
    assert [each.logged("run taken up") for each in (lost, other)] == [1, 1]


async def test_worker_that_ends_hands_over_at_once(fleet: Fleet) -> None:
    """SIGTERM in mid-cell: the next worker has the run in a moment, whatever the lease."""
    ann, workers = await asyncio.gather(fleet.web(), fleet.workers(2, RUN__LEASE="60"))
    sent = await ann.send(RUNNING)
    followers = Followers(ann, sent)
    await reached(ann, sent, "OutputChangedEvent")
    ending = await fleet.worker_of_run(workers)
    (other,) = (each for each in workers if each is not ending)
    seconds = asyncio.create_task(asyncio.to_thread(ending.end, signal.SIGTERM))
    assert await until(lambda: other.logged("run taken up") == 1) < 2
    assert await seconds < 4
    assert ending.process.returncode == 0
    agreed = await followers.agreed(30)
    assert agreed["run"]["status"] == "COMPLETED"
    assert agreed["parts"][-1]["text"] == "It ran: 29 x"
    assert ending.logged("Traceback") == 0


async def test_worker_that_ends_alone_leaves_the_run_for_the_next(fleet: Fleet) -> None:
    """With nobody there to take it, the run waits in the queue."""
    ann, first = await asyncio.gather(fleet.web(), fleet.worker())
    sent = await ann.send(WRITING)
    followers = Followers(ann, sent)
    await text_reached(ann, sent, 100)
    assert await asyncio.to_thread(first.end, signal.SIGTERM) < 4
    assert (await ann.snapshot(sent["conversation"]["id"]))["activeRun"]["status"] == "IN_PROGRESS"
    await fleet.worker()
    agreed = await followers.agreed(TAKEN_UP_WITHIN + 10)
    assert agreed["parts"] == [{"text": TEXT}]


async def test_cancel_reaches_a_run_whose_worker_is_lost(fleet: Fleet) -> None:
    """Nobody works on it when it is cancelled: it ends CANCELLED once it is taken up."""
    ann, workers = await asyncio.gather(fleet.web(), fleet.workers(2))
    sent = await ann.send(WRITING)
    await text_reached(ann, sent, 100)
    (await fleet.worker_of_run(workers)).process.kill()
    killed = time.monotonic()
    cancel = "mutation($id: ID!) { cancelRun(input: {runId: $id}) { errors { message } } }"
    assert (await ann.ask(cancel, id=sent["run"]["id"]))["cancelRun"]["errors"] == []
    run = run_of(await ann.until_ended(sent, timeout=TAKEN_UP_WITHIN))
    assert run["status"] == "CANCELLED"
    assert time.monotonic() - killed < LEASE + 10
