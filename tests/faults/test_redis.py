"""Redis that is killed, frozen, full or read-only: said clearly, and nothing written is lost."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from pybot.services.local.process import Child
from pybot.services.local.redis_server import RedisServer
from tests.client import Api, GraphQLErrors, run_of
from tests.faults.conftest import Fleet, until
from tests.faults.following import Followers, follow, reached, text_reached
from tests.fixtures.pybot_process import StartPybot

WORDS = 150
TEXT = " ".join(f"w{index}" for index in range(WORDS))
WRITING = f"[[slow: 50]] [[long: {WORDS}]]"
CELL = (
    "import time\nopen('ran', 'a').write('x')\n"
    "for i in range(30):\n    print(i, flush=True)\n    time.sleep(0.1)"
)
RUNNING = f"[[code: {CELL}]] [[code: print(i, open('ran').read())]] [[answer: It ran: {{output}}]]"


@dataclass
class RedisOfTest:
    """A Redis of a test's own, which can be started again on its data."""

    server: RedisServer
    child: Child

    async def restart(self, pause: float = 0, *, losing: int = 0) -> None:
        """Kill it, and start it again after a pause in seconds, without its last so many bytes."""
        self.child.kill()
        await asyncio.sleep(pause)
        if losing:
            (log,) = self.server.directory.glob("appendonlydir/*.incr.aof")
            os.truncate(log, log.stat().st_size - losing)
        self.child = Child(self.server.program)
        await self.child.wait_ready()

    async def command(self, *words: str) -> Any:
        """Carry out a command."""
        async with Redis.from_url(self.server.url) as client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call]  # upstream


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[RedisOfTest]:
    """A Redis that may be harmed."""
    with tempfile.TemporaryDirectory(prefix="pybot-test-") as socket_dir:
        server = RedisServer(tmp_path / "redis", Path(socket_dir))
        server.prepare()
        own = RedisOfTest(server, Child(server.program))
        try:
            await own.child.wait_ready()
            yield own
        finally:
            with suppress(ProcessLookupError):
                os.kill(own.child.pid, signal.SIGCONT)
            own.child.kill()


@pytest.fixture
def harmed(own_redis: RedisOfTest, fleet: Fleet) -> Fleet:
    """Processes on that Redis."""
    url = SecretStr(own_redis.server.url)
    fleet.settings = fleet.settings.model_copy(update={"redis_om_url": url})
    return fleet


async def answered(ann: Api, text: str, conversation: str | None = None) -> dict[str, Any]:
    """Send until it is taken, and wait for the end; the run."""
    async with asyncio.timeout(30):
        while True:
            with suppress(GraphQLErrors):
                sent = await ann.send(text, conversation, key=f"key of {text}")
                if not sent["errors"]:
                    return run_of(await ann.until_ended(sent))
            await asyncio.sleep(0.2)


async def refusal(ann: Api, text: str, conversation: str) -> str:
    """The message of the error, whose code is UNAVAILABLE, for a message that is refused."""
    (error,) = (await ann.send(text, conversation))["errors"]
    assert error["code"] == "UNAVAILABLE"
    return str(error["message"])


@pytest.mark.parametrize("pause", [0.0, 3.0])
@pytest.mark.parametrize(("script", "last"), [(WRITING, TEXT), (RUNNING, "It ran: 29 x")])
async def test_redis_killed_in_mid_answer_and_started_again(
    harmed: Fleet, own_redis: RedisOfTest, script: str, last: str, pause: float
) -> None:
    """The run goes on in the same worker; no text is lost, no cell runs twice."""
    ann, worker = await asyncio.gather(harmed.web(), harmed.worker())
    sent = await ann.send(script)
    first = "OutputChangedEvent" if script == RUNNING else "TextDeltaEvent"
    await reached(ann, sent, first)
    await own_redis.restart(pause)
    started = time.monotonic()
    agreed = await Followers(ann, sent).agreed(30)
    assert time.monotonic() - started < 20
    assert agreed["run"]["status"] == "COMPLETED"
    assert agreed["parts"][-1]["text"] == last
    assert worker.process.poll() is None
    assert (await answered(ann, "and now?", sent["conversation"]["id"]))["status"] == "COMPLETED"


@pytest.mark.parametrize(("script", "last"), [(WRITING, TEXT), (RUNNING, "It ran: 29 x")])
async def test_redis_that_has_lost_what_it_confirmed(
    harmed: Fleet, own_redis: RedisOfTest, script: str, last: str
) -> None:
    """As after a failover: the answer is whole, and who has read more asks for a new snapshot."""
    ann, worker = await asyncio.gather(harmed.web(), harmed.worker())
    sent = await ann.send(script)
    first = "StreamDeltaEvent" if script == RUNNING else "TextDeltaEvent"
    whole = asyncio.create_task(follow(ann, sent))
    await reached(ann, sent, first, 12)
    await own_redis.restart(losing=1500)
    with pytest.raises(GraphQLErrors) as expired:
        await whole
    assert expired.value.code == "CURSOR_EXPIRED"
    snapshot = await ann.snapshot(sent["conversation"]["id"])
    agreed = await Followers(ann, sent).agreed(30)
    assert agreed["run"]["status"] == "COMPLETED"
    assert agreed["parts"][-1]["text"] == last
    assert worker.process.poll() is None
    rest = await follow(ann, {**sent, "eventCursor": snapshot["eventCursor"]})
    assert run_of(rest)["status"] == "COMPLETED"


async def test_sockets_outlive_a_restart_of_redis(harmed: Fleet, own_redis: RedisOfTest) -> None:
    """A subscription that was open before gives what comes afterwards."""
    ann, _ = await asyncio.gather(harmed.web(), harmed.worker())
    sent = await ann.send(WRITING)
    followers = Followers(ann, sent)
    await text_reached(ann, sent, 20)
    await own_redis.restart(1)
    agreed = await followers.agreed(30)
    assert agreed["run"]["status"] == "COMPLETED"
    assert agreed["parts"] == [{"text": TEXT}]


async def test_worker_that_ends_after_a_restart_of_redis_hands_over(
    harmed: Fleet, own_redis: RedisOfTest
) -> None:
    """The queue, on new connections, still writes down how its task ended: no lease is awaited."""
    ann, ending = await asyncio.gather(harmed.web(), harmed.worker(RUN__LEASE="60"))
    before = await ann.send("[[slow: 50]] [[long: 100]]")
    await text_reached(ann, before, 20)
    await own_redis.restart()
    await ann.until_ended(before)
    sent = await ann.send(WRITING)
    await text_reached(ann, sent, 20)
    await asyncio.to_thread(ending.end, signal.SIGTERM)
    following = await harmed.worker(RUN__LEASE="60")
    assert await until(lambda: following.logged("run taken up") == 1) < 2


async def test_redis_frozen_for_10_seconds(harmed: Fleet, own_redis: RedisOfTest) -> None:
    """Requests say so within seconds; the run goes on when it thaws."""
    ann, _ = await asyncio.gather(harmed.web(), harmed.worker())
    sent = await ann.send(WRITING)
    conversation = sent["conversation"]["id"]
    followers = Followers(ann, sent)
    await text_reached(ann, sent, 100)
    os.kill(own_redis.child.pid, signal.SIGSTOP)
    frozen = time.monotonic()
    assert "Try again" in await refusal(ann, "hello", conversation)
    assert time.monotonic() - frozen < 9
    async with ann.http.get(f"{ann.url}/readyz") as response:
        assert response.status == 503
        assert "REDIS_OM_URL" in (await response.json())["backends"]["redis"]
    await asyncio.sleep(max(0, 10 - (time.monotonic() - frozen)))
    os.kill(own_redis.child.pid, signal.SIGCONT)
    agreed = await followers.agreed(40)
    assert agreed["run"]["status"] == "COMPLETED"
    assert agreed["parts"] == [{"text": TEXT}]
    assert (await answered(ann, "and now?", conversation))["status"] == "COMPLETED"


async def fill(redis: RedisOfTest) -> None:
    """Let it have no memory left."""
    await redis.command("CONFIG", "SET", "maxmemory", "1")


async def empty(redis: RedisOfTest) -> None:
    """Give it memory again."""
    await redis.command("CONFIG", "SET", "maxmemory", "0")


async def make_replica(redis: RedisOfTest) -> None:
    """As after a failover that left it behind."""
    await redis.command("REPLICAOF", "127.0.0.1", "9")


async def promote(redis: RedisOfTest) -> None:
    """Let it be written to again."""
    await redis.command("REPLICAOF", "NO", "ONE")


async def want_replicas(redis: RedisOfTest) -> None:
    """As when its replicas are gone."""
    await redis.command("CONFIG", "SET", "min-replicas-to-write", "1")


async def want_no_replicas(redis: RedisOfTest) -> None:
    """Let it be written to again."""
    await redis.command("CONFIG", "SET", "min-replicas-to-write", "0")


@pytest.mark.parametrize(
    ("harm", "heal", "word"),
    [
        (fill, empty, "memory"),
        (make_replica, promote, "replica"),
        (want_replicas, want_no_replicas, "replicas"),
    ],
)
async def test_redis_that_takes_no_writes(
    harmed: Fleet,
    own_redis: RedisOfTest,
    harm: Callable[[RedisOfTest], Any],
    heal: Callable[[RedisOfTest], Any],
    word: str,
) -> None:
    """What is there can be read, a message is refused with the reason; then the run goes on."""
    ann, worker = await asyncio.gather(harmed.web(), harmed.worker())
    sent = await ann.send(WRITING)
    conversation = sent["conversation"]["id"]
    followers = Followers(ann, sent)
    await text_reached(ann, sent, 100)
    before = await ann.snapshot(conversation)
    await harm(own_redis)
    message = await refusal(ann, "hello", conversation)
    assert word in message
    assert "Try again" in message
    during = await ann.snapshot(conversation)
    assert during["messages"]["nodes"][0] == before["messages"]["nodes"][0]
    await asyncio.to_thread(worker.wait_for_log, "is interrupted")
    await heal(own_redis)
    agreed = await followers.agreed(30)
    assert agreed["run"]["status"] == "COMPLETED"
    assert agreed["parts"] == [{"text": TEXT}]
    assert (await answered(ann, "and now?", conversation))["status"] == "COMPLETED"
    assert "a bug ended the run" not in worker.log.read_text()


async def test_operator_sees_that_redis_is_full(
    harmed: Fleet, own_redis: RedisOfTest, start_pybot: StartPybot
) -> None:
    """Requests still reach the server, since deleting frees room; probe, log and doctor say it."""
    ann = await harmed.web()
    (web,) = harmed.processes

    async def readiness() -> tuple[int, str]:
        async with ann.http.get(f"{ann.url}/readyz") as response:
            return response.status, (await response.json())["backends"]["writes"]

    assert await readiness() == (200, "ok")
    await fill(own_redis)
    status, body = await readiness()
    assert status == 200
    assert "maxmemory" in body
    assert "delete conversations" in body
    await asyncio.to_thread(web.wait_for_log, "Redis takes no writes (command not allowed")
    doctor = start_pybot("doctor", REDIS_OM_URL=own_redis.server.url, LLM__URL=harmed.tgi.url)
    assert doctor.process.stdout is not None
    said = await asyncio.to_thread(doctor.process.stdout.read)
    assert doctor.process.wait() == 1
    assert "FAIL Redis: it takes no writes (command not allowed" in said
    assert "→ give it room" in said
    await empty(own_redis)
    assert await readiness() == (200, "ok")
    assert web.logged("Redis takes no writes") == 1
    assert web.process.poll() is None
