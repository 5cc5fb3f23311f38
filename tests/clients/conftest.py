"""What the clients of others are built in."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.clients.project import USER, make_project
from tests.clients.promises import Expired
from tests.fixtures.redis import keys_like
from tests.fixtures.server import Server


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs in JavaScript with their generated code."""
    return make_project(tmp_path_factory.mktemp("javascript"))


@pytest.fixture
async def expired(server: Server, redis_url: str) -> Expired:
    """A conversation of which only the last event is left."""
    api = server.user(USER)
    sent = await api.send("hello")
    await api.until_ended(sent)
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        (log,) = await keys_like(client, "pybot:log:*")
        await client.xtrim(log, maxlen=1, approximate=False)
    return Expired(sent["conversation"]["id"], sent["eventCursor"])
