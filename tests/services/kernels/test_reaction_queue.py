"""The queue between a fast kernel and a slow reader."""

import asyncio

import pytest

from pybot.services.kernels.base import (
    Displayed,
    Done,
    KernelDied,
    Printed,
    Raised,
    Reaction,
    Started,
)
from pybot.services.kernels.reaction_queue import DROPPED, ReactionQueue
from pybot.services.records import StreamName

DONE = Done(status="ok")


def out(text: str) -> Printed:
    """A piece of stdout."""
    return Printed(name=StreamName.STDOUT, text=text)


async def drain(queue: ReactionQueue) -> list[object]:
    """Everything up to Done."""
    items: list[object] = []
    while DONE not in items:
        items.append(await queue.get())
    return items


async def test_reactions_keep_their_order() -> None:
    """First in, first out."""
    queue = ReactionQueue()
    reactions: list[Reaction] = [
        Started(execution_count=1),
        Displayed(bundle={"text/plain": "x"}),
        Raised(ename="E", evalue="", traceback=()),
        DONE,
    ]
    for reaction in reactions:
        queue.put(reaction)
    assert await drain(queue) == reactions


async def test_waiting_pieces_of_a_stream_are_joined() -> None:
    """A reader that was slow has fewer pieces to read; streams stay apart."""
    queue = ReactionQueue()
    error = Printed(name=StreamName.STDERR, text="e")
    for reaction in (out("a"), out("b"), error, out("c"), DONE):
        queue.put(reaction)
    assert await drain(queue) == [out("ab"), error, out("c"), DONE]


async def test_reader_waits_for_what_comes() -> None:
    """An empty queue makes the reader wait."""
    queue = ReactionQueue()
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.put(DONE)
    assert await waiting == DONE


async def test_what_does_not_fit_is_dropped_with_a_note() -> None:
    """A full queue drops outputs and says so, but never the end."""
    queue = ReactionQueue(limit=1000)
    for _ in range(100):
        queue.put(out("x" * 700))
        queue.put(Displayed(bundle={"a/b": [{"c": "y" * 300}]}))
    queue.put(DONE)
    *kept, note, done = await drain(queue)
    assert kept == [out("x" * 700)]
    assert note == Printed(name=StreamName.STDERR, text=DROPPED)
    assert done == DONE


async def test_room_is_found_again() -> None:
    """What has been read makes room."""
    queue = ReactionQueue(limit=1000)
    for _ in range(100):
        queue.put(out("x" * 700))
        assert await queue.get() == out("x" * 700)


async def test_failure_comes_after_what_was_said_before() -> None:
    """The last outputs of a kernel that died are read first."""
    queue = ReactionQueue()
    queue.put(out("last words"))
    queue.fail(KernelDied("gone"))
    queue.fail(RuntimeError("the first failure counts"))
    assert await queue.get() == out("last words")
    with pytest.raises(KernelDied):
        await queue.get()


async def test_failure_wakes_the_reader() -> None:
    """A reader that waits gets the failure."""
    queue = ReactionQueue()
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.fail(KernelDied("gone"))
    with pytest.raises(KernelDied):
        await waiting
