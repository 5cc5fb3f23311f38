"""The loops of the store: a bug in one is seen at once, and lost connections end none."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Any

import pytest
from redis.asyncio.client import PubSub

from pybot.errors import Unavailable
from pybot.services.background.supervisor import Supervisor
from pybot.services.records.events import TextDelta
from pybot.services.store import appender as appending
from pybot.services.store import hub as hubs
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client, connect
from pybot.services.store.hub import Hub, Inbox
from pybot.services.store.write import Write
from tests.failures import BUG, async_bug, bug, failures_logged, until_failed

LOG = Write.to_viewer("v").log
LISTENER = "listener to other processes"
AT_ONCE = 2  # seconds


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Client]:
    """A client of an empty Redis."""
    async with connect(redis_url) as opened:
        yield opened


def write(viewer: str = "v", part: int = 0) -> Write:
    """A write of one event; it merges with those of the same part."""
    return Write.to_viewer(viewer).emit(TextDelta("m", part, 0, 0, "x"))


async def refused(waiting: Awaitable[Any]) -> None:
    """Wait for the error of a write."""
    async with asyncio.timeout(AT_ONCE):
        with pytest.raises(Unavailable, match="restarting"):
            await waiting


async def test_appender_that_fails_lets_nobody_wait(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Not those in the batch in hand, nor behind it, nor at a full buffer, nor later ones."""
    monkeypatch.setattr(appending, "BATCH", 1)
    monkeypatch.setattr(appending, "BUFFER", 2)
    in_flight = asyncio.Event()
    fail = asyncio.Event()

    async def execute(_commands: object) -> None:
        in_flight.set()
        await fail.wait()
        bug()

    monkeypatch.setattr(client, "execute_once", execute)
    supervisor = Supervisor()
    appender = Appender(client, Hub(client), retention=60)
    async with appender.running(supervisor):
        waiting = [asyncio.create_task(appender.append(write("a")))]
        await in_flight.wait()
        waiting += [asyncio.create_task(appender.append(write(name))) for name in "bcd"]
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in waiting)
        fail.set()
        for task in waiting:
            await refused(task)
        await refused(appender.put(write("e")))
        await refused(appender.append(write("f")))
    assert supervisor.failure == "the appender has failed: see the log"
    assert failures_logged(caplog) == ["the appender has failed"]


async def test_writers_wait_while_the_buffer_is_full(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more than it holds is taken when there is room again; none is lost."""
    monkeypatch.setattr(appending, "BATCH", 1)
    monkeypatch.setattr(appending, "BUFFER", 2)
    in_flight, go_on = asyncio.Event(), asyncio.Event()
    execute = client.execute_once

    async def execute_later(commands: list[bytes]) -> list[Any]:
        in_flight.set()
        await go_on.wait()
        return await execute(commands)

    monkeypatch.setattr(client, "execute_once", execute_later)
    appender = Appender(client, Hub(client), retention=60)
    async with appender.running(Supervisor()), asyncio.timeout(30):
        futures = [await appender.put(write("a"))]
        await in_flight.wait()
        futures += [await appender.put(write(name)) for name in "bc"]
        waiting = asyncio.create_task(appender.put(write("d")))
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        go_on.set()
        assert await asyncio.gather(*futures, await waiting) == [1, 1, 1, 1]


async def test_appender_takes_nothing_after_its_end(client: Client) -> None:
    """A write that comes too late is refused; one that came before is carried out."""
    supervisor = Supervisor()
    appender = Appender(client, Hub(client), retention=60)
    async with appender.running(supervisor):
        before = await appender.put(write())
    assert await before == 1
    await refused(appender.append(write()))
    assert supervisor.failure == ""


async def test_appender_outlives_a_redis_out_of_reach(redis_url: str) -> None:
    """It knows that failure: the write fails, and the next one is tried."""
    supervisor = Supervisor()
    async with connect("redis://127.0.0.1:9") as client:
        appender = Appender(client, Hub(client), retention=60)
        async with appender.running(supervisor):
            for _ in range(2):
                with pytest.raises(Unavailable, match="Redis does not do its part"):
                    await appender.append(write())
    assert supervisor.failure == ""


async def test_write_that_cannot_be_packed_fails_alone(client: Client) -> None:
    """It is its writer's bug, and no reason to end the process: it would come again and again."""
    supervisor = Supervisor()
    appender = Appender(client, Hub(client), retention=60)
    async with appender.running(supervisor):
        broken: Any = object()
        futures = [
            await appender.put(write("a")),
            await appender.put(write("b").do("SET", "{v}k", broken)),
            await appender.put(write("c")),
        ]
        async with asyncio.timeout(AT_ONCE):
            results = await asyncio.gather(*futures, return_exceptions=True)
    assert [results[0], results[2]] == [1, 1]
    assert isinstance(results[1], TypeError)
    assert supervisor.failure == ""


async def test_abandoned_write_ends_nothing(client: Client) -> None:
    """A writer that was cancelled while it waited for its future."""
    supervisor = Supervisor()
    appender = Appender(client, Hub(client), retention=60)
    async with appender.running(supervisor):
        (await appender.put(write("a"))).cancel()
        assert await appender.append(write("b")) == 1
    assert supervisor.failure == ""


async def test_listener_that_meets_the_impossible_fails(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no entry was published where entries are."""
    supervisor = Supervisor()
    hub = Hub(client)
    async with hub.running(supervisor), hub.reading(LOG):
        await client.publish(LOG, "no entry")
        await until_failed(supervisor)
    assert supervisor.failure == f"the {LISTENER} has failed: see the log"
    [record] = [record for record in caplog.records if record.exc_info]
    assert record.getMessage() == f"the {LISTENER} has failed"


async def test_subscribing_that_fails_is_seen_at_once(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a task beside the one that reads, which may get nothing for long."""
    supervisor = Supervisor()
    hub = Hub(client)
    async with hub.running(supervisor):
        async with hub.reading(LOG):
            monkeypatch.setattr(PubSub, "unsubscribe", async_bug)
        await until_failed(supervisor)
    assert failures_logged(caplog) == [f"the {LISTENER} has failed"]


async def test_look_that_fails_is_seen(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The timer that has silent logs read."""
    monkeypatch.setattr(Inbox, "look", bug)
    supervisor = Supervisor()
    hub = Hub(client, look_interval=0.01)
    async with hub.running(supervisor), hub.reading(LOG):
        await until_failed(supervisor)
    assert supervisor.failure == "the look at silent logs has failed: see the log"
    assert failures_logged(caplog) == ["the look at silent logs has failed"]
    assert BUG in caplog.text


async def test_listener_outlives_lost_connections(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also those that are cut while it subscribes; afterwards entries arrive as before."""
    monkeypatch.setattr(hubs, "RECONNECT_DELAY", 0.01)
    supervisor = Supervisor()
    hub = Hub(client)

    async def come_and_go(name: str) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05), hub.reading(name):
                    await asyncio.sleep(0.002)

    async with hub.running(supervisor):
        readers = [asyncio.create_task(come_and_go(f"log {number}")) for number in range(20)]
        for _ in range(40):
            await client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            await asyncio.sleep(0.03)
        for reader in readers:
            reader.cancel()
        await asyncio.wait(readers)
        assert supervisor.failure == ""
        async with asyncio.timeout(AT_ONCE), hub.reading(LOG) as inbox:
            await client.publish(LOG, "7 1000 {}")
            while not (entries := await inbox.take()):  # a new connection has the log read first
                pass
            assert entries == [(7, 1000, b"{}")]
