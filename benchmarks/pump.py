"""A token pump in TGI's shape, a process of its own: `tokens=N rate=R` in a prompt asks for it.

Each token's text is ` INDEX:MICROSECONDS;`, the monotonic time at which it was written, so that a
reader knows how late it is and whether one is missing or came twice. `rate=0` writes as fast as
the reader takes it. `code=SOURCE` (base64) asks for a cell first.
"""

import asyncio
import base64
import json
import random
import re
import sys
import time
from typing import cast

import uvloop

ASKED = re.compile(rb"tokens=(\d+) rate=(\d+)")
CODE = re.compile(rb"code=([A-Za-z0-9+/=]+)")
BATCH = 64  # tokens written at once when flat out
INFO = {"model_id": "pump", "max_total_tokens": 8192, "max_input_tokens": 8191}
# As TGI 3 writes them. The pump shares its core with the readers, so it must cost little.
TOKEN = (
    b'data:{"index":%d,"token":{"id":%d,"text":"%b","logprob":-0.5,"special":false},'
    b'"generated_text":null,"details":null}\n\n'
)
LAST = (
    b'data:{"index":%d,"token":{"id":2,"text":"<|im_end|>","logprob":-0.5,"special":true},'
    b'"generated_text":"","details":{"finish_reason":"eos_token","generated_tokens":%d,'
    b'"seed":null}}\n\n'
)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n"


class Pump(asyncio.Protocol):
    """One connection, which has one request."""

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._index = 0
        self._count = 0
        self._interval = 0.0
        self._due = 0.0
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._interval == 0 and self._count:
            self._flood()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if end and len(body) >= (int(length[1]) if length else 0):
            self._received = b""
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET"):
            info = json.dumps(INFO).encode()
            self._write(HEAD % b"application/json" + b"content-length: %d\r\n\r\n" % len(info))
            self._write(info)
            return
        self._write(HEAD % b"text/event-stream" + b"transfer-encoding: chunked\r\n\r\n")
        if b"Write a title" in body:
            self._say("A title")
            return
        question = body.rpartition(b"<|im_start|>user")[2]
        code = list(CODE.finditer(body))
        if code and b"Output:" not in question:
            self._say(f"Running it.\n\n```python\n{base64.b64decode(code[-1][1]).decode()}\n```\n")
            return
        asked = list(ASKED.finditer(body))
        if not asked or code:
            self._say("Done.")
            return
        self._count, rate = (int(each) for each in asked[-1].groups())
        if rate == 0:
            self._flood()
            return
        self._interval = 1 / rate
        # Streams begin anywhere within an interval, as users do.
        self._due = _now() + random.random() * self._interval
        asyncio.get_running_loop().call_at(self._due, self._tick)

    def _tick(self) -> None:
        if self._transport is None:
            return
        self._write(self._token())
        if self._index == self._count:
            self._end()
            return
        self._due += self._interval
        asyncio.get_running_loop().call_at(self._due, self._tick)

    def _flood(self) -> None:
        if self._transport is None or self._paused:
            return
        left = min(BATCH, self._count - self._index)
        self._write(b"".join(self._token() for _ in range(left)))
        if self._index == self._count:
            self._end()
        else:
            asyncio.get_running_loop().call_soon(self._flood)

    def _token(self) -> bytes:
        text = f" {self._index}:{time.monotonic_ns() // 1000};"
        self._index += 1
        return _event(self._index, text)

    def _say(self, text: str) -> None:
        self._write(_event(1, json.dumps(text)[1:-1]))
        self._index = 1
        self._end()

    def _end(self) -> None:
        self._count = 0
        data = LAST % (self._index + 1, self._index + 1)
        self._write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def _event(index: int, text: str) -> bytes:
    """A token's event."""
    data = TOKEN % (index, 100 + index, text.encode())
    return b"%x\r\n%b\r\n" % (len(data), data)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def main() -> None:
    """Listen on any port, say which, and pump until killed."""
    server = await asyncio.get_running_loop().create_server(Pump, "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
