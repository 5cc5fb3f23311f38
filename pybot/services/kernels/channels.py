"""The two channels of one execution on a kernel that is reached over IPC."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient

from pybot.config import MIB
from pybot.services.kernels.messages import ReactionReader
from pybot.services.kernels.owner_protocol import ConnectionInfo
from pybot.services.kernels.reaction_queue import ReactionQueue
from pybot.services.kernels.upstream_jupyter_client import connect, raw_socket, read

LARGEST_MESSAGE = 64 * MIB  # bytes; a kernel that sends larger ones is cut off
QUEUE = 64  # messages that libzmq reads ahead
RECONNECT = 10  # milliseconds
WELCOME_TIMEOUT = 2  # seconds to wait for the confirmation of a subscription
SLICE = 0.005  # seconds of draining after which other tasks have their turn
POLL = 500  # milliseconds
IDLE_GRACE = 3  # seconds of silence after a reply until its idle status counts as lost


def open_context() -> zmq.asyncio.Context:
    """A context whose sockets hold only so much of what a kernel sends."""
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.LINGER, 0)
    context.setsockopt(zmq.RECONNECT_IVL, RECONNECT)
    context.setsockopt(zmq.RCVHWM, QUEUE)
    context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
    return context


class EndMissed(Exception):
    """The followed code is done, and its `Done` was missed: the kernel answered the marker."""


class Channels:
    """Sends code to a kernel and reads what comes back."""

    def __init__(self, client: AsyncKernelClient) -> None:
        self._client = client
        self._marker = ""
        self._marker_answered = False
        # Draining goes past asyncio, one system call a message.
        self._iopub = raw_socket(client.iopub_channel.socket)
        self._shell = raw_socket(client.shell_channel.socket)
        self._poller = zmq.asyncio.Poller()
        for socket in (client.iopub_channel.socket, client.shell_channel.socket):
            self._poller.register(socket, zmq.POLLIN)

    async def subscribed(self) -> None:
        """Wait until the kernel sends its outputs here.

        It confirms each new topic, and only new ones, so the topic has a random name.
        """
        topic = uuid4().hex.encode()
        socket = self._client.iopub_channel.socket
        socket.subscribe(topic)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WELCOME_TIMEOUT):
                welcomed = False
                while not welcomed:
                    await socket.poll()
                    welcomed = self._iopub.recv_multipart(zmq.NOBLOCK)[0] == topic

    def send(self, code: str, message_id: str) -> None:
        """Have the kernel execute code, as the message `message_id`."""
        content: dict[str, Any] = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,  # what another reader waits for is not aborted
        }
        message = self._client.session.msg("execute_request", content)
        message["header"]["msg_id"] = message["msg_id"] = message_id
        self._client.shell_channel.send(message)

    def send_marker(self) -> None:
        """Send a marker: a request that the kernel answers when all code before it is done."""
        message = self._client.session.msg("kernel_info_request", {})
        self._marker = str(message["msg_id"])
        self._client.shell_channel.send(message)

    async def pump(self, reader: ReactionReader, queue: ReactionQueue) -> None:
        """Put all reactions into the queue until the execution is done.

        Fails the queue with EndMissed when the marker was answered and nothing more comes.
        """
        last_read = time.monotonic()
        while not reader.done:
            ready = dict(await self._poller.poll(POLL))
            if ready:
                last_read = self._drain(reader, queue)
                await asyncio.sleep(0)
            elif self._marker_answered:
                queue.fail(EndMissed())
                return
            elif reader.replied and time.monotonic() - last_read > IDLE_GRACE:
                for reaction in reader.finish():
                    queue.put(reaction)

    def _drain(self, reader: ReactionReader, queue: ReactionQueue) -> float:
        """Read what has come, for SLICE seconds at most; the time (monotonic) after it."""
        end = time.monotonic() + SLICE
        for socket in (self._iopub, self._shell):
            while (now := time.monotonic()) < end and not reader.done:
                try:
                    frames = socket.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                message = read(self._client, frames)
                self._note_marker(message)
                for reaction in reader.feed(message):
                    queue.put(reaction)
        return now

    def _note_marker(self, message: Mapping[str, Any]) -> None:
        if self._marker and message.get("msg_type") == "kernel_info_reply":
            parent: Mapping[str, Any] = message.get("parent_header") or {}
            self._marker_answered = self._marker_answered or parent.get("msg_id") == self._marker


@asynccontextmanager
async def open_channels(
    context: zmq.asyncio.Context, connection: ConnectionInfo
) -> AsyncGenerator[Channels]:
    """Connect to a kernel for one execution. Its outputs come once `subscribed` was waited for."""
    client = connect(context, connection, iopub=True, control=False)
    try:
        yield Channels(client)
    finally:
        client.stop_channels()
