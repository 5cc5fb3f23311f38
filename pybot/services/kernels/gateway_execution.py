"""One execution on a kernel behind a gateway, also over connections that are cut."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from pybot.services.kernels.base import (
    Done,
    KernelDied,
    KernelUnavailable,
    Printed,
    Raised,
)
from pybot.services.kernels.channels import EndMissed
from pybot.services.kernels.gateway_http import DIED, GatewayHttp
from pybot.services.kernels.gateway_socket import KernelSocket, SocketCut, SocketTaken
from pybot.services.kernels.messages import ReactionReader, is_object
from pybot.services.kernels.reaction_queue import ReactionQueue
from pybot.services.records import StreamName

PROBE = 1.5  # seconds of silence until the gateway is asked whether the kernel is still there
RECONNECT_TIMEOUT = 30  # seconds for which a connection that was cut is tried again
RETRY_INTERVAL = 0.5  # seconds
LOST = (
    "The connection to the gateway was cut, and how the code ended is not known. "
    "The kernel still has its variables."
)


GAP = "\n[The connection to the gateway was cut: some output may be missing.]\n"


class MustReconnect(SocketCut):
    """Raised on a connection that works, where only a new one shows whether the code still runs."""


class KernelReplaced(KernelDied):
    """The kernel died, and the gateway put another one in its place by itself."""


class GatewayExecution:
    """Runs or follows one execution and puts its reactions into a queue.

    The session of its websocket is named by `message_id`: a process that connects under it again
    gets the messages that came meanwhile.
    """

    def __init__(
        self, gateway: GatewayHttp, kernel_id: str, message_id: str, queue: ReactionQueue
    ) -> None:
        self._gateway = gateway
        self._kernel_id = kernel_id
        self._message_id = message_id
        self._queue = queue
        self._reader = ReactionReader(message_id)
        self._marker = ""
        self._is_own = False
        self._process: Any = None

    async def run(self, code: str) -> None:
        """Have the kernel execute code and read all that comes of it."""
        self._is_own = True
        content: dict[str, Any] = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,  # what another reader waits for is not aborted
        }
        try:
            async with self._gateway.channels(self._kernel_id, self._message_id) as socket:
                await socket.send("execute_request", content, self._message_id)
                await self._read(socket)
        except SocketCut as cut:
            self._note_gap(cut)
            await self.follow()

    async def follow(self) -> None:
        """Read on what comes of code that was sent before, here or elsewhere.

        Raises EndMissed when how it ended is not known, KernelUnavailable when the gateway stays
        out of reach.
        """
        end = time.monotonic() + RECONNECT_TIMEOUT
        while not self._reader.done:
            try:
                async with self._gateway.channels(self._kernel_id, self._message_id) as socket:
                    self._marker = uuid4().hex
                    await socket.send("kernel_info_request", {}, self._marker)
                    end = time.monotonic() + RECONNECT_TIMEOUT
                    await self._read(socket)
            except SocketTaken:
                raise
            except (SocketCut, KernelUnavailable) as error:
                self._note_gap(error)
                if time.monotonic() > end:
                    raise KernelUnavailable(
                        f"The connection to the kernel was lost: {error}"
                    ) from error
                await asyncio.sleep(RETRY_INTERVAL)

    async def _read(self, socket: KernelSocket) -> None:
        while not self._reader.done:
            message = await socket.receive(PROBE)
            if message is None:
                await self._probe()
            else:
                self._take(message)

    async def _probe(self) -> None:
        """Ask the gateway, after a silence, whether the kernel is alive and runs the code.

        Raises KernelDied, or MustReconnect.
        """
        state = (await self._gateway.describe(self._kernel_id)).get("execution_state")
        if self._reader.replied:
            self._finish()
        elif state == "idle" and not self._marker:
            raise MustReconnect("The kernel is idle, and its answer has not come.")

    def _take(self, message: Mapping[str, Any]) -> None:
        header, parent = _object(message, "header"), _object(message, "parent_header")
        kind, content = message.get("msg_type"), _object(message, "content")
        state = content.get("execution_state") if kind == "status" else None
        if state in ("restarting", "dead") and not parent:
            raise KernelReplaced(DIED)
        if parent.get("msg_id") == self._message_id:
            self._process = header.get("session")
            for reaction in self._reader.feed(message):
                self._queue.put(reaction)
        elif self._marker and parent.get("msg_id") == self._marker:
            self._marker_reached(kind, state, header.get("session"))

    def _marker_reached(self, kind: object, state: object, process: object) -> None:
        """The kernel answers the marker, which was sent after the code: the code is done."""
        if self._reader.replied:
            if state == "idle":
                self._finish()
        elif kind == "kernel_info_reply":
            if self._process not in (None, process):
                raise KernelDied(DIED)
            if not self._is_own:
                raise EndMissed
            self._queue.put(Raised(ename="ConnectionLost", evalue=LOST, traceback=(LOST,)))
            self._queue.put(Done(status="error"))
            self._reader.done = True

    def _note_gap(self, error: Exception) -> None:
        """Say in the output that some of it may be lost: sent before the gateway saw the cut."""
        if not isinstance(error, MustReconnect | KernelUnavailable):
            self._queue.put(Printed(name=StreamName.STDERR, text=GAP))

    def _finish(self) -> None:
        for reaction in self._reader.finish():
            self._queue.put(reaction)


def _object(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found: Any = value.get(key)
    return found if is_object(found) else {}
