"""The base that Pybot is compared with: server-sent events to a WebSocket, and nothing else.

No GraphQL, no Redis, no users: what any program must at least do. `GET /?tokens=N&rate=R` upgrades
to a WebSocket that gets each event of the pump as a text frame; `GET /` gets one that stays idle.
"""

import asyncio
import base64
import hashlib
import re
import sys
from typing import cast

import uvloop

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CLOSE = b"\x88\x02\x03\xe8"


class Source(asyncio.Protocol):
    """One stream of the pump."""

    def __init__(self, reader: asyncio.Transport, request: bytes) -> None:
        self._reader = reader
        self._request = request
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        body = b'{"inputs":"%b","stream":true}' % self._request
        self._transport.write(
            b"POST /generate_stream HTTP/1.1\r\nhost: pump\r\ncontent-length: %d\r\n\r\n%b"
            % (len(body), body)
        )

    def data_received(self, data: bytes) -> None:
        if self._reader.is_closing():
            self._transport.abort()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._reader.write(frame(line[5:]))
            elif line == b"0\r":
                self._reader.write(CLOSE)
                self._transport.close()


class Reader(asyncio.Protocol):
    """One WebSocket. What its client says after the handshake is not read."""

    def __init__(self, pump: int) -> None:
        self._pump = pump
        self._received = b""
        self._is_open = False
        self._source: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._is_open:
            if data[0] & 0x0F == 8:
                self._transport.close()
            return
        key = re.search(rb"sec-websocket-key: (\S+)", self._received, re.IGNORECASE)
        if key is None or b"\r\n\r\n" not in self._received:
            return
        self._is_open = True
        accept = base64.b64encode(hashlib.sha1(key[1] + GUID, usedforsecurity=False).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            b"sec-websocket-accept: %b\r\n\r\n" % accept
        )
        asked = re.match(rb"GET /\?(tokens=\d+)&(rate=\d+) ", self._received)
        if asked is not None:
            loop = asyncio.get_running_loop()
            request = asked[1] + b" " + asked[2]
            connecting = loop.create_connection(
                lambda: Source(self._transport, request), "127.0.0.1", self._pump
            )
            self._source = loop.create_task(connecting)


def frame(text: bytes) -> bytes:
    """A text frame from a server."""
    if len(text) < 126:
        return bytes((0x81, len(text))) + text
    return b"\x81\x7e" + len(text).to_bytes(2, "big") + text


async def main(pump: int) -> None:
    """Listen on any port, say which, and relay until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Reader(pump), "127.0.0.1", 0, backlog=2048)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
