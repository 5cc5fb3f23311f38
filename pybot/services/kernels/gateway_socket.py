"""The websocket to a kernel: requests to its shell channel out, messages of all channels in."""

import socket
from collections.abc import Mapping
from typing import Any

import aiohttp

from pybot.config import MIB
from pybot.services.kernels.base import KernelUnavailable
from pybot.services.kernels.gateway_frames import V1, decode, encode, request

NO_REASON = (0, 1000, 1005)  # codes of a close without a reason
LARGEST_REQUEST = 10 * MIB  # bytes; the gateway closes the connection at larger ones


class SocketCut(Exception):
    """The connection ended, and nobody here ended it."""


class SocketTaken(KernelUnavailable):
    """Another process has connected under the same session: the gateway lets one have it."""


class KernelSocket:
    """An open websocket for the session `session_id`."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, session_id: str) -> None:
        self._ws = ws
        self._session_id = session_id

    async def send(self, kind: str, content: dict[str, Any], message_id: str) -> None:
        """Ask the kernel for something. KernelUnavailable when it is too large, SocketCut."""
        message = request(kind, content, message_id=message_id, session_id=self._session_id)
        frame = encode(message, self._ws.protocol)
        if len(frame) > LARGEST_REQUEST:
            raise KernelUnavailable(
                f"The code takes {len(frame) / MIB:.1f} MiB, and the gateway takes "
                f"{LARGEST_REQUEST // MIB} MiB at most. Put data into a file instead."
            )
        try:
            if self._ws.protocol == V1:
                await self._ws.send_bytes(frame)
            else:
                await self._ws.send_str(frame.decode())
        except (aiohttp.ClientError, OSError) as error:
            raise SocketCut(str(error)) from error

    async def receive(self, timeout: float) -> Mapping[str, Any] | None:
        """The next message, empty when it cannot be read; None after a silence of `timeout` s.

        Raises SocketCut, SocketTaken.
        """
        self._acknowledge_at_once()
        try:
            message = await self._ws.receive(timeout)
        except TimeoutError:
            return None
        if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
            if message.type is aiohttp.WSMsgType.CLOSE and message.data in NO_REASON:
                raise SocketTaken("Another process follows this code by now.")
            raise SocketCut(f"{message.type.name} {message.data}")
        return decode(message.data, self._ws.protocol)

    def _acknowledge_at_once(self) -> None:
        """The gateway waits for our ACK before it sends the next small message (40 ms, else)."""
        option = getattr(socket, "TCP_QUICKACK", None)  # on Linux; holds for the next read alone
        transport = self._ws.get_extra_info("socket")
        if option is not None and transport is not None:
            transport.setsockopt(socket.IPPROTO_TCP, option, 1)
