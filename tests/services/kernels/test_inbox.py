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
from pybot.services.kernels.inbox import DROPPED, Inbox
from pybot.services.records import StreamName

DONE = Done(status="ok")


def out(text: str) -> Printed:
    """A piece of stdout."""
    return Printed(name=StreamName.STDOUT, text=text)


async def drain(inbox: Inbox) -> list[object]:
    """Everything up to Done."""
    items: list[object] = []
    while DONE not in items:
        items.append(await inbox.get())
    return items


async def test_reactions_keep_their_order() -> None:
    """First in, first out."""
    inbox = Inbox()
    reactions: list[Reaction] = [
        Started(execution_count=1),
        Displayed(bundle={"text/plain": "x"}),
        Raised(ename="E", evalue="", traceback=()),
        DONE,
    ]
    for reaction in reactions:
        inbox.put(reaction)
    assert await drain(inbox) == reactions


async def test_waiting_pieces_of_a_stream_are_joined() -> None:
    """A reader that was slow has fewer pieces to read; streams stay apart."""
    inbox = Inbox()
    error = Printed(name=StreamName.STDERR, text="e")
    for reaction in (out("a"), out("b"), error, out("c"), DONE):
        inbox.put(reaction)
    assert await drain(inbox) == [out("ab"), error, out("c"), DONE]


async def test_reader_waits_for_what_comes() -> None:
    """An empty inbox makes the reader wait."""
    inbox = Inbox()
    waiting = asyncio.ensure_future(inbox.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    inbox.put(DONE)
    assert await waiting == DONE


async def test_what_does_not_fit_is_dropped_with_a_word() -> None:
    """A full inbox drops outputs and says so, but never the end."""
    inbox = Inbox(limit=1000)
    for _ in range(100):
        inbox.put(out("x" * 700))
        inbox.put(Displayed(bundle={"a/b": [{"c": "y" * 300}]}))
    inbox.put(DONE)
    *kept, note, done = await drain(inbox)
    assert kept == [out("x" * 700)]
    assert note == Printed(name=StreamName.STDERR, text=DROPPED)
    assert done == DONE


async def test_room_is_found_again() -> None:
    """What has been read makes room."""
    inbox = Inbox(limit=1000)
    for _ in range(100):
        inbox.put(out("x" * 700))
        assert await inbox.get() == out("x" * 700)


async def test_failure_comes_after_what_was_said_before() -> None:
    """The last outputs of a kernel that died are read first."""
    inbox = Inbox()
    inbox.put(out("last words"))
    inbox.fail(KernelDied("gone"))
    inbox.fail(RuntimeError("the first failure counts"))
    assert await inbox.get() == out("last words")
    with pytest.raises(KernelDied):
        await inbox.get()


async def test_failure_wakes_the_reader() -> None:
    """A reader that waits hears of the failure."""
    inbox = Inbox()
    waiting = asyncio.ensure_future(inbox.get())
    await asyncio.sleep(0)
    inbox.fail(KernelDied("gone"))
    with pytest.raises(KernelDied):
        await waiting
