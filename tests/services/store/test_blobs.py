"""The bytes of outputs: stored once, counted while they are there."""

from collections.abc import AsyncGenerator

import pytest

from pybot.errors import NotFound
from pybot.services.background.supervisor import Supervisor
from pybot.services.records import Viewer
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.blobs import STORED, Blob, Blobs, release_storage
from pybot.services.store.client import Client, connect
from pybot.services.store.hub import Hub
from pybot.services.store.write import Refused

ANN = Viewer(username="ann")
TEXT, MOST = "text/plain", 10


@pytest.fixture
async def client(redis_url: str) -> AsyncGenerator[Client]:
    """A client of a Redis with one conversation, `c`."""
    async with connect(redis_url) as connected:
        await connected.hset(keys.conversation("c"), "pk", "c")
        await connected.hset(keys.conversation("c"), "deleted_at", 0)
        yield connected


@pytest.fixture
async def blobs(client: Client) -> AsyncGenerator[Blobs]:
    """The blobs of viewers who may store ten bytes each."""
    appender = Appender(client, Hub(client), retention=60)
    async with appender.running(Supervisor()):
        yield Blobs(client, appender, most=MOST)


async def stored_bytes(client: Client) -> int:
    """How many bytes are counted as Ann's."""
    return int(await client.hget(keys.viewer(ANN.key), STORED) or 0)


async def test_same_bytes_are_stored_and_counted_once(client: Client, blobs: Blobs) -> None:
    digest = await blobs.put(ANN, "c", TEXT, b"12345")
    assert digest is not None
    assert await blobs.put(ANN, "c", TEXT, b"12345") == digest
    assert await stored_bytes(client) == 5
    assert await blobs.read("c", digest) == Blob(TEXT, b"12345")
    assert await blobs.put(ANN, "c", "text/html", b"12345") not in (None, digest)


async def test_storage_ends_at_its_limit_until_something_is_removed(
    client: Client, blobs: Blobs
) -> None:
    assert await blobs.put(ANN, "c", TEXT, b"x" * MOST) is not None
    assert await blobs.put(ANN, "c", TEXT, b"y") is None
    for _ in range(2):  # a removal that broke off is done again
        await release_storage(client, ANN, "c")
        assert await stored_bytes(client) == 0
    assert await blobs.put(ANN, "c", TEXT, b"y") is not None


async def test_bytes_of_a_conversation_that_is_gone_are_not_counted(
    client: Client, blobs: Blobs
) -> None:
    with pytest.raises(Refused):
        await blobs.put(ANN, "gone", TEXT, b"12345")
    assert await stored_bytes(client) == 0


async def test_bytes_that_are_not_there_are_not_found(blobs: Blobs) -> None:
    with pytest.raises(NotFound):
        await blobs.read("c", "0" * 32)
