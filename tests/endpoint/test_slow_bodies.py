"""A body that does not arrive has an end."""

import asyncio
import json

import pytest

from pybot.endpoint import request_body
from tests.endpoint.conftest import Server

TIMEOUT = 2.0
BODY = json.dumps({"query": "{hello}"}).encode()


@pytest.fixture(autouse=True)
def timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience than people have."""
    monkeypatch.setattr(request_body, "_BODY_TIMEOUT", TIMEOUT)


async def post(server: Server, pieces: list[bytes], pause: float) -> tuple[int, dict[str, object]]:
    """POST a body in pieces, with a pause behind each; the status and what was answered."""
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\nconnection: close\r\n"
        f"content-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(head.encode())
    answering = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
    for piece in pieces:
        if not answering.done():
            writer.write(piece)
            await asyncio.wait([answering], timeout=pause)
    async with asyncio.timeout(10):
        begun = await answering
        said = await reader.read()
    writer.close()
    return int(begun.split()[1]), json.loads(said)


async def test_body_that_does_not_arrive_is_given_up(server: Server) -> None:
    status, answer = await post(server, [BODY[:-1]], 0)
    assert status == 408
    assert "REQUEST_TIMEOUT" in json.dumps(answer)


async def test_body_that_dribbles_is_given_up_as_well(server: Server) -> None:
    """The time is for all of it, not for each piece."""
    pieces = [BODY[:5], BODY[5:10], BODY[10:]]
    assert (await post(server, pieces, TIMEOUT * 0.7))[0] == 408


async def test_body_that_is_slow_but_arrives_is_read(server: Server) -> None:
    status, answer = await post(server, [BODY[:5], BODY[5:]], TIMEOUT / 16)
    assert (status, answer["data"]) == (200, {"hello": "hello world"})
