"""One atomic write: all of it happens, or none."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pybot.errors import Unavailable
from pybot.services.background.supervisor import Supervisor
from pybot.services.records.events import CodeDelta, TextDelta
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client, connect
from pybot.services.store.follow import entries, read
from pybot.services.store.hub import Hub
from pybot.services.store.write import FIRST_EVENT, LOST, SKIPPED_NUMBERS, Refused, Write


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    """A client of an empty Redis."""
    async with connect(redis_url) as opened:
        yield opened


@pytest.fixture
async def appender(client: Client) -> AsyncIterator[Appender]:
    """An appender that runs."""
    started = Appender(client, Hub(client), retention=60)
    async with started.running(Supervisor()):
        yield started


def delta(offset: int, text: str, part: int = 0) -> TextDelta:
    """Text of one part."""
    return TextDelta("m", part, 0, offset, text)


def viewer_write() -> Write:
    """A write that needs no conversation."""
    return Write.to_viewer("v")


async def test_events_are_numbered_from_one(client: Client, appender: Appender) -> None:
    """The stream's IDs are the numbers, whatever process appends."""
    first = await appender.append(viewer_write().emit(delta(0, "a")))
    last = await appender.append(viewer_write().emit(delta(1, "b"), delta(0, "c", part=1)))
    assert (first, last) == (1, 3)
    raws = await read(client, viewer_write().log, 0)
    assert [number for number, _, _ in raws] == [1, 2, 3]


async def test_unmet_requirement_leaves_everything_as_it_was(
    client: Client, appender: Appender
) -> None:
    """Neither commands nor events of a refused write happen; the label says what was not met."""
    write = viewer_write().do("SET", "{v}key", "value").require("empty", "", "GET", "{v}other")
    await client.set("{v}other", "taken")
    with pytest.raises(Refused) as refused:
        await appender.append(write.emit(delta(0, "a")))
    assert (refused.value.label, refused.value.actual) == ("empty", "taken")
    assert await client.get("{v}key") is None
    assert await read(client, write.log, 0) == []


async def test_write_to_a_log_that_has_lost_entries_is_refused(
    client: Client, appender: Appender
) -> None:
    """Its writer knows of more than is there; after a leap numbers are new ones."""
    write = viewer_write().emit(delta(0, "a"), delta(0, "b", part=1))
    write.reached = await appender.append(write)
    assert await appender.append(write) == 4
    await client.hset(write.head, "seq", 1)
    with pytest.raises(Refused) as refused:
        await appender.append(write)
    assert (refused.value.label, refused.value.actual) == (LOST, "1")
    again = viewer_write().do("SET", "{v}first", FIRST_EVENT).emit(delta(0, "c"))
    assert await appender.append(again.skipping_numbers()) == SKIPPED_NUMBERS + 2
    assert await client.get("{v}first") == str(SKIPPED_NUMBERS + 2).encode()


async def test_commands_may_name_the_first_events_number(
    client: Client, appender: Appender
) -> None:
    """What a write stores can point at where its events begin."""
    await appender.append(viewer_write().emit(delta(0, "a")))
    write = viewer_write().do("SET", "{v}first", FIRST_EVENT).emit(delta(1, "b"))
    assert await appender.append(write) == 2
    assert await client.get("{v}first") == b"2"


async def test_conversation_must_exist_and_be_no_tombstone(
    client: Client, appender: Appender
) -> None:
    """Writes to what was never there, or was deleted, are refused."""
    write = Write.to_conversation("c").emit(delta(0, "a"))
    with pytest.raises(Refused):
        await appender.append(write)
    await client.hset("pybot:conversation:{c}", mapping={"pk": "c", "deleted_at": 0})
    assert await appender.append(write) == 1
    await client.hset("pybot:conversation:{c}", "deleted_at", "5")
    with pytest.raises(Refused) as refused:
        await appender.append(write)
    assert refused.value.label == "exists"


async def test_stale_fence_is_refused(client: Client, appender: Appender) -> None:
    """After the next attempt has begun, the one before writes nothing more."""
    await client.hset("pybot:conversation:{c}", mapping={"pk": "c", "deleted_at": 0})
    await client.hset("pybot:run:{c}:r", "attempt", "2")
    await appender.append(Write.to_conversation("c").fenced("c.r", 2).emit(delta(0, "a")))
    with pytest.raises(Refused) as refused:
        await appender.append(Write.to_conversation("c").fenced("c.r", 1).emit(delta(1, "b")))
    assert refused.value.label == "fence"


async def test_deltas_merge_while_a_pipeline_is_in_flight(
    client: Client, appender: Appender
) -> None:
    """Many small pieces become few entries, whose text is whole and in order."""
    text = [f"{number} " for number in range(2000)]
    offset = 0
    future = await appender.put(viewer_write())
    for piece in text:
        future = await appender.put(viewer_write().emit(delta(offset, piece)))
        offset += len(piece)
        if len(piece) % 3 == 0:
            await asyncio.sleep(0)
    await future
    raws = await read(client, viewer_write().log, 0)
    assert len(raws) < 200
    (joined,) = entries(raws)
    assert isinstance(joined.event, TextDelta)
    assert joined.event.text == "".join(text)


async def test_only_what_continues_merges() -> None:
    """Deltas of another part or kind, and commands, are not merged."""
    write = viewer_write().emit(delta(0, "a"))
    assert write.absorb(viewer_write().emit(delta(1, "b")))
    assert write.absorb(viewer_write().emit(delta(0, "c", part=1), CodeDelta("k", 0, 0, "d")))
    assert [event.text for event in write.events if isinstance(event, TextDelta)] == ["ab", "c"]
    assert not write.absorb(viewer_write().do("SET", "{v}k", 1).emit(delta(1, "e", part=1)))
    assert not write.absorb(Write.to_viewer("w").emit(delta(1, "e", part=1)))


async def test_every_writer_fails_when_redis_is_out_of_reach(redis_url: str) -> None:
    """Each write fails as Unavailable, and later ones succeed."""
    client = connect("redis://127.0.0.1:9")
    appender = Appender(client, Hub(client), retention=60)
    async with appender.running(Supervisor()):
        for _ in range(2):
            with pytest.raises(Unavailable):
                await appender.append(viewer_write().emit(delta(0, "a")))
    await client.aclose()


async def test_what_continues_a_failed_write_is_not_written(
    client: Client, appender: Appender
) -> None:
    """There would be a gap; what continues one that was written is written."""
    whole = await appender.put(viewer_write().emit(delta(0, "a")))
    await whole
    next_one = await appender.put(viewer_write().emit(delta(1, "b")), after=whole)
    assert await next_one == 2
    refused = viewer_write().require("label", "1", "GET", "{v}none").emit(delta(2, "c"))
    failed = await appender.put(refused, after=next_one)
    with pytest.raises(Refused):
        await failed
    with pytest.raises(Refused):
        await (await appender.put(viewer_write().emit(delta(3, "d")), after=failed))
    raws = await read(client, viewer_write().log, 0)
    assert [number for number, _, _ in raws] == [1, 2]


async def test_restarted_redis_gets_the_script_again(client: Client, appender: Appender) -> None:
    """A server that has forgotten the script is given it, and the write happens once."""
    await appender.append(viewer_write().emit(delta(0, "a")))
    await client.script_flush()
    assert await appender.append(viewer_write().emit(delta(1, "b"))) == 2


async def test_full_redis_takes_only_what_makes_room(client: Client, appender: Appender) -> None:
    """Nothing of another write happens, which is refused as Unavailable until there is room."""
    await client.config_set("maxmemory", "1mb")
    try:
        with pytest.raises(Unavailable):
            await appender.append(viewer_write().do("SET", "{v}a", 1).emit(delta(0, "a")))
        ending = viewer_write().even_when_full().do("SET", "{v}b", 1)
        assert await appender.append(ending.emit(delta(0, "b"))) == 1
    finally:
        await client.config_set("maxmemory", "0")
    assert (await client.get("{v}a"), await client.get("{v}b")) == (None, b"1")
    assert await appender.append(viewer_write().emit(delta(1, "c"))) == 2


def test_write_names_all_its_keys() -> None:
    """A cluster gets each key once: those of requirements, commands and ranks."""
    write = viewer_write().require("label", "", "GET", "{v}required").do("SET", "{v}done", 1)
    write.do("DEL", "{v}done").rank("{v}ranked", "member", 1)
    assert write.keys() == [write.head, write.log, "{v}required", "{v}done", "{v}ranked"]


async def test_write_that_cannot_be_packed_fails_alone(appender: Appender) -> None:
    """It is a bug of its caller, which gets the error; the rest of the batch is written."""
    unfit: Any = object()
    before = await appender.put(viewer_write().emit(delta(0, "a")))
    broken = await appender.put(Write.to_viewer("w").do("SET", "{w}key", unfit))
    behind = await appender.put(viewer_write().require("l", "", "GET", "{v}no").emit(delta(1, "b")))
    with pytest.raises(TypeError):
        await broken
    assert (await before, await behind) == (1, 2)
