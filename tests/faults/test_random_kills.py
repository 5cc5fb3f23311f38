"""Workers killed at random points of one conversation: nothing is lost, nothing is doubled."""

import asyncio
import random
from itertools import groupby

import pytest

from tests.faults.conftest import Fleet, until
from tests.faults.following import Followers
from tests.fixtures.pybot_process import PybotProcess

KILLS = 30
CELLS = 7
WORKERS = 3
WORDS = " ".join(f"word{index}" for index in range(20))
DEFINE = (
    "import time\ndef ran(n):\n    open('ran', 'a').write(n + ' ')\n    time.sleep(0.3)\n"
    "    print(n)"
)


def script(number: int) -> str:
    """A message whose answer has texts and cells; each cell notes that it ran."""
    cells = " ".join(
        f"[[text: {index}: {WORDS}\\n\\n]] [[code: ran('{number}.{index}')]]"
        for index in range(CELLS)
    )
    return f"[[slow: 200]] {cells} [[answer: The end: {WORDS}]]"


class Pool:
    """Some workers, of which one that is killed is replaced."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._starting: set[asyncio.Task[None]] = set()
        self.alive: list[PybotProcess] = []

    async def fill(self) -> None:
        """Start a worker."""
        self.alive.append(await self._fleet.worker(RUN__LEASE="1"))

    async def fill_up(self) -> None:
        """Start as many as there are to be."""
        await asyncio.gather(*(self.fill() for _ in range(WORKERS)))

    def at_work(self) -> list[PybotProcess]:
        """Those that have a run."""
        return [
            each
            for each in self.alive
            if each.logged("run taken up")
            > each.logged("run ended") + each.logged("run taken over")
        ]

    async def until_at_work(self, followers: Followers) -> None:
        """Wait until one of them has the run, or it has ended."""
        await until(lambda: bool(self.at_work()) or followers.have_ended)

    def kill(self, worker: PybotProcess) -> None:
        """Kill a worker and have another one started meanwhile."""
        worker.process.kill()
        self.alive.remove(worker)
        task = asyncio.create_task(self.fill())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def settle(self) -> None:
        """Wait for those that start."""
        await asyncio.gather(*self._starting)


@pytest.mark.timeout(280)
async def test_30_random_kills_lose_and_double_nothing(fleet: Fleet, soak: int) -> None:
    """Each answer ends complete; each cell ran once at most; every client has the same."""
    pool = Pool(fleet)
    ann, _ = await asyncio.gather(fleet.web(), pool.fill_up())
    sent = await ann.send(f"[[code: {DEFINE}]] [[answer: Ready.]]")
    await ann.until_ended(sent)
    conversation, kills, number = sent["conversation"]["id"], 0, 0
    while kills < KILLS * soak:
        number += 1
        sent = await ann.send(script(number), conversation)
        followers = Followers(ann, sent)
        while not followers.have_ended and kills < KILLS * soak:
            await pool.until_at_work(followers)
            await asyncio.sleep(random.uniform(0, 1))
            for worker in pool.at_work()[:1]:
                pool.kill(worker)
                kills += 1
        agreed = await followers.agreed(60)
        assert agreed["run"]["status"] == "COMPLETED"
        check_answer(agreed["parts"], number)
    await pool.settle()
    checked = await ann.send("[[code: print(open('ran').read())]] [[answer: Read.]]", conversation)
    agreed = await Followers(ann, checked).agreed(30)
    [cell] = (part for part in agreed["parts"] if "source" in part)
    ran = cell["outputs"][0]["text"].split()
    assert ran
    assert len(ran) == len(set(ran)), "a cell ran twice"
    total = (await ann.snapshot(conversation))["messages"]["totalCount"]
    assert total == 2 * (number + 2)


def check_answer(parts: list[dict[str, object]], number: int) -> None:
    """All texts are whole, and all cells are there, in order.

    A model goes on behind a text that was kept; the scripted one says it once more.
    """
    texts = [key for key, _ in groupby(part["text"] for part in parts if "text" in part)]
    assert texts == [*(f"{index}: {WORDS}" for index in range(CELLS)), f"The end: {WORDS}"]
    sources = [part["source"] for part in parts if "source" in part]
    assert sources == [f"ran('{number}.{index}')" for index in range(CELLS)]
    statuses = {part["status"] for part in parts if "source" in part}
    assert statuses <= {"COMPLETED", "INTERRUPTED"}
