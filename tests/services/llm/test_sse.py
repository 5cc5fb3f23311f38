"""Server-sent events of a model's service: their size has a limit."""

import aiohttp
import pytest

from pybot.services.llm import sse
from pybot.services.llm.sse import EventReader, TooLarge
from tests.services.llm.wire import saying

LIMIT = 200_000
PIECE = 1000


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller limit than what a service sends at once."""
    monkeypatch.setattr(sse, "MAX_EVENT", LIMIT)


async def read(size: int, end: bytes) -> list[bytes]:
    """The first events of a stream that begins with an event of so many bytes."""
    event = b"data:" + b"x" * (size - len("data:"))
    pieces = [event[at : at + PIECE] for at in range(0, size, PIECE)]
    async with (
        saying([*pieces, end], stays=True) as url,
        aiohttp.ClientSession() as http,
        http.get(url) as response,
    ):
        with EventReader(response, idle_timeout=5) as reader:
            return await reader.read()


async def test_event_of_just_the_limit_is_read() -> None:
    [event] = await read(LIMIT, b"\n\n")
    assert len(event) == LIMIT - len("data:")


async def test_event_that_does_not_end_is_given_up_at_the_limit() -> None:
    """Not after its end, which need not come."""
    with pytest.raises(TooLarge):
        await read(LIMIT + PIECE, b"")
