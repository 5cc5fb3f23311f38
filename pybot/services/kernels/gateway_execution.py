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
from pybot.services.kernels.channels import Passed
from pybot.services.kernels.gateway_http import DIED, GatewayHttp
from pybot.services.kernels.gateway_socket import KernelSocket, SocketCut, SocketTaken
from pybot.services.kernels.inbox import Inbox
from pybot.services.kernels.messages import ReactionReader, is_object
from pybot.services.records import StreamName

PROBE = 1.5  # seconds of silence until the gateway is asked whether the kernel is still there
PATIENCE = 30  # seconds for which a connection that was cut is tried again
RETRY_INTERVAL = 0.5  # seconds
LOST = (
    "The connection to the gateway was cut, and how the code ended is not known. "
    "The kernel still has its variables."
)


GAP = "\n[The connection to the gateway was cut: some output may be missing.]\n"


class Doubt(SocketCut):
    """The connection is whole, but only a new one tells whether the code still runs."""


class KernelReplaced(KernelDied):
    """The kernel died, and the gateway put another one in its place by itself."""


class GatewayExecution:
    """Runs or follows one execution and puts its reactions into an inbox.

    The session of its websocket is named by `message_id`: who connects under it again, from any
    process, gets what was said meanwhile.
    """

    def __init__(self, gateway: GatewayHttp, kernel_id: str, message_id: str, inbox: Inbox) -> None:
        self._gateway = gateway
        self._kernel_id = kernel_id
        self._message_id = message_id
        self._inbox = inbox
        self._reader = ReactionReader(message_id)
        self._fence = ""
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

        Raises Passed when nothing tells how it ended, KernelUnavailable when the gateway stays
        out of reach.
        """
        end = time.monotonic() + PATIENCE
        while not self._reader.done:
            try:
                async with self._gateway.channels(self._kernel_id, self._message_id) as socket:
                    self._fence = uuid4().hex
                    await socket.send("kernel_info_request", {}, self._fence)
                    end = time.monotonic() + PATIENCE
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
        """After a silence: is the kernel there, and does it still run the code?

        Raises KernelDied, or SocketCut where connecting again tells more.
        """
        state = (await self._gateway.model(self._kernel_id)).get("execution_state")
        if self._reader.replied:
            self._finish()
        elif state == "idle" and not self._fence:
            raise Doubt("The kernel is idle, and its answer has not come.")

    def _take(self, message: Mapping[str, Any]) -> None:
        header, parent = _object(message, "header"), _object(message, "parent_header")
        kind, content = message.get("msg_type"), _object(message, "content")
        state = content.get("execution_state") if kind == "status" else None
        if state in ("restarting", "dead") and not parent:
            raise KernelReplaced(DIED)
        if parent.get("msg_id") == self._message_id:
            self._process = header.get("session")
            for reaction in self._reader.feed(message):
                self._inbox.put(reaction)
        elif self._fence and parent.get("msg_id") == self._fence:
            self._passed(kind, state, header.get("session"))

    def _passed(self, kind: object, state: object, process: object) -> None:
        """The kernel does what was asked after the code: nothing more comes of the code."""
        if self._reader.replied:
            if state == "idle":
                self._finish()
        elif kind == "kernel_info_reply":
            if self._process not in (None, process):
                raise KernelDied(DIED)
            if not self._is_own:
                raise Passed
            self._inbox.put(Raised(ename="ConnectionLost", evalue=LOST, traceback=(LOST,)))
            self._inbox.put(Done(status="error"))
            self._reader.done = True

    def _note_gap(self, error: Exception) -> None:
        """What the gateway sent into a dead connection, before it noticed, is lost."""
        if not isinstance(error, Doubt | KernelUnavailable):
            self._inbox.put(Printed(name=StreamName.STDERR, text=GAP))

    def _finish(self) -> None:
        for reaction in self._reader.finish():
            self._inbox.put(reaction)


def _object(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found: Any = value.get(key)
    return found if is_object(found) else {}
