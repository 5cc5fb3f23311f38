"""A reader gets every entry once and in order, however it falls behind."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from pybot.errors import CursorExpired, Unavailable
from pybot.services.background.supervisor import Supervisor
from pybot.services.records.events import Entry, TextDelta, encode
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client, connect
from pybot.services.store.follow import check_cursor, follow, retry_during_outage
from pybot.services.store.hub import INBOX_SIZE, LOOK_INTERVAL, SILENT_LOOKS, Hub
from pybot.services.store.write import SKIPPED_NUMBERS, Write
from tests.failures import redis_is_away
from tests.readers import reader_count

HEAD, LOG = Write.to_viewer("v").head, Write.to_viewer("v").log


class Process:
    """What one process has: a client, a hub and an appender."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.hub = Hub(client)
        self.appender = Appender(client, self.hub, retention=60)

    async def append(self, text: str, part: int = 0) -> None:
        """Append one event that merges with no other."""
        await self.appender.append(Write.to_viewer("v").emit(TextDelta(text, part, 0, 0, text)))

    async def collect(self, count: int, after: int = 0) -> list[Entry]:
        """So many entries."""
        found: list[Entry] = []
        async with (
            asyncio.timeout(20),
            aclosing(follow(self.client, self.hub, LOG, after, HEAD)) as stream,
        ):
            async for entry in stream:
                found.append(entry)
                if len(found) == count:
                    break
        return found


@pytest.fixture
async def processes(redis_url: str) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes on one Redis."""
    first, second = Process(connect(redis_url)), Process(connect(redis_url))
    async with (
        first.client,
        second.client,
        first.hub.running(Supervisor()),
        second.hub.running(Supervisor()),
        first.appender.running(Supervisor()),
        second.appender.running(Supervisor()),
    ):
        yield first, second
        assert reader_count(first.hub) == reader_count(second.hub) == 0


async def test_replay_then_follow_has_no_gap(processes: tuple[Process, Process]) -> None:
    """What is there already, what comes from this process, and what comes from another."""
    here, there = processes
    for number in range(3):
        await here.append(f"old {number}")
    following = asyncio.create_task(here.collect(9))
    for number in range(3):
        await here.append(f"here {number}")
        await there.append(f"there {number}")
    assert [entry.seq for entry in await following] == list(range(1, 10))


async def test_reader_in_another_process_follows_at_once(
    processes: tuple[Process, Process],
) -> None:
    """Pub/sub carries entries to the other process, without a look at the log."""
    here, there = processes
    await here.append("first")
    loop = asyncio.get_running_loop()
    async with aclosing(follow(there.client, there.hub, LOG, 0, HEAD)) as stream:
        await anext(stream)  # by now it listens
        begun = loop.time()
        await here.append("second")
        assert (await anext(stream)).seq == 2
    assert loop.time() - begun < LOOK_INTERVAL / 2


async def published(client: Client) -> int:
    """How many messages Redis has been given to publish."""
    stats = await client.info("commandstats")
    return int(stats.get("cmdstat_publish", {}).get("calls", 0))


async def test_entry_is_published_only_when_another_process_listens(
    processes: tuple[Process, Process],
) -> None:
    """What its own readers hear from the appender is not sent through Redis as well."""
    here, there = processes
    await here.append("first")
    async with aclosing(follow(here.client, here.hub, LOG, 0, HEAD)) as own:
        await anext(own)
        before = await published(here.client)
        await here.append("second")
        assert (await anext(own)).seq == 2
        assert await published(here.client) == before
        async with aclosing(follow(there.client, there.hub, LOG, 2, HEAD)) as foreign:
            waiting = asyncio.create_task(anext(foreign))
            while there.hub.subscriptions(LOG) == 0:  # noqa: ASYNC110 (nothing else tells)
                await asyncio.sleep(0.01)
            await here.append("third")
            assert (await waiting).seq == 3
            assert await published(here.client) == before + 1


async def test_entry_that_nobody_published_is_found(processes: tuple[Process, Process]) -> None:
    """A silent log is looked at now and then."""
    here, there = processes
    await here.append("first")
    hub = Hub(there.client, look_interval=0.02)
    async with (
        hub.running(Supervisor()),
        aclosing(follow(there.client, hub, LOG, 0, HEAD)) as stream,
    ):
        assert (await anext(stream)).seq == 1
        event = encode(TextDelta("m", 0, 0, 0, "x"))
        await here.client.xadd(LOG, {"t": 0, "e": event}, id="2-0")
        async with asyncio.timeout(5):
            assert (await anext(stream)).seq == 2


async def test_slow_reader_reads_the_log_instead(processes: tuple[Process, Process]) -> None:
    """An inbox that overflows drops everything, and its reader reads the log instead."""
    here, _ = processes
    total = INBOX_SIZE * 2 + 10
    async with aclosing(follow(here.client, here.hub, LOG, 0, HEAD)) as stream:
        await here.append("first")
        assert (await anext(stream)).seq == 1
        waiting = asyncio.create_task(anext(stream))
        for number in range(total):
            await here.append(f"n{number}", part=number)
        seen = [(await waiting).seq]
        async with asyncio.timeout(20):
            while seen[-1] < total + 1:
                seen.append((await anext(stream)).seq)
    assert seen == list(range(2, total + 2))


async def test_cursor_of_nothing_is_refused(processes: tuple[Process, Process]) -> None:
    """One ahead of the log, or before its start, leads nowhere."""
    here, _ = processes
    for number in range(5):
        await here.append(f"n{number}")
    with pytest.raises(CursorExpired):
        await check_cursor(here.client, HEAD, LOG, 6)
    await here.client.xtrim(LOG, minid="4-0", approximate=False)
    await check_cursor(here.client, HEAD, LOG, 3)
    with pytest.raises(CursorExpired):
        await check_cursor(here.client, HEAD, LOG, 2)


async def test_reader_of_entries_that_redis_has_lost_gets_cursor_expired(
    processes: tuple[Process, Process],
) -> None:
    """A reader of lost entries cannot continue; one who has read less can."""
    here, there = processes
    for number in range(5):
        await here.append(f"n{number}")
    stream = follow(there.client, there.hub, LOG, 4, HEAD)
    async with asyncio.timeout(5), aclosing(stream):
        assert (await anext(stream)).seq == 5
        await here.client.xdel(LOG, "4-0", "5-0")
        await here.client.hset(HEAD, "seq", 3)
        for _ in range(3):
            write = Write.to_viewer("v").skipping_numbers()
            await here.appender.append(write.emit(TextDelta("again", 0, 0, 0, "x")))
        await here.client.client_kill_filter(_type="pubsub")
        with pytest.raises(CursorExpired):
            await anext(stream)
    with pytest.raises(CursorExpired):
        await check_cursor(here.client, HEAD, LOG, 4)
    numbers = [entry.seq for entry in await there.collect(3, after=3)]
    assert numbers == [3 + (SKIPPED_NUMBERS + 1) * at for at in (1, 2, 3)]


async def test_lost_pubsub_connection_costs_no_entry(
    processes: tuple[Process, Process], redis_url: str
) -> None:
    """When the connection to the others breaks, the log is read."""
    here, there = processes
    loop = asyncio.get_running_loop()
    begun = loop.time()
    following = asyncio.create_task(there.collect(20))
    async with Redis.from_url(redis_url) as client:
        for number in range(20):
            await here.append(f"n{number}")
            if number in (5, 12):
                await client.client_kill_filter(_type="pubsub")
    assert [entry.seq for entry in await following] == list(range(1, 21))
    assert loop.time() - begun < LOOK_INTERVAL * SILENT_LOOKS / 2


async def test_reader_right_after_the_last_one_left_does_not_wait(
    processes: tuple[Process, Process],
) -> None:
    """The subscription that is still there serves the next reader, without a time-out."""
    here, _ = processes
    await here.append("first")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for _ in range(20):
        assert len(await here.collect(1)) == 1
    assert loop.time() - begun < 4


async def test_short_outage_is_waited_for_and_a_long_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = list[None]()

    async def away_twice() -> int:
        tries.append(None)
        if len(tries) < 3:
            raise Unavailable("Redis is away")
        return len(tries)

    monkeypatch.setattr("pybot.services.store.follow.OUTAGE_PAUSE", 0.001)
    assert await retry_during_outage(away_twice) == 3
    monkeypatch.setattr("pybot.services.store.follow.OUTAGE", 0.01)
    with pytest.raises(Unavailable):
        await retry_during_outage(redis_is_away)
