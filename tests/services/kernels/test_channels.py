"""The channels of one execution before a kernel that loses messages."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
import zmq
import zmq.asyncio
from jupyter_client.session import Session

from pybot.services.kernels import channels as module
from pybot.services.kernels.base import Done
from pybot.services.kernels.channels import Channels
from pybot.services.kernels.messages import ReactionReader
from pybot.services.kernels.reaction_queue import ReactionQueue

ID = "the-message"


class Kernel:
    """The kernel's side of the two channels."""

    def __init__(self, context: zmq.asyncio.Context) -> None:
        self.session = Session(key=b"key")
        self._shell, shell = _pair(context, "shell")
        self._iopub, iopub = _pair(context, "iopub")
        self.client = SimpleNamespace(
            session=self.session,
            shell_channel=SimpleNamespace(socket=shell),
            iopub_channel=SimpleNamespace(socket=iopub),
        )

    def reply(self) -> None:
        """Say that the code is done."""
        self._send(self._shell, "execute_reply", {"status": "ok", "execution_count": 3})

    def idle(self) -> None:
        """Say that nothing more comes of it."""
        self._send(self._iopub, "status", {"execution_state": "idle"})

    def close(self) -> None:
        """Close its own sockets, which the context does not know."""
        self._shell.close(linger=0)
        self._iopub.close(linger=0)

    def _send(self, socket: zmq.Socket[bytes], kind: str, content: dict[str, Any]) -> None:
        message = self.session.msg(kind, content, parent={"msg_id": ID})
        socket.send_multipart(self.session.serialize(message))


def _pair(context: zmq.asyncio.Context, name: str) -> tuple[zmq.Socket[bytes], zmq.asyncio.Socket]:
    """The kernel's end of a channel, and the client's."""
    here = zmq.Socket(context, zmq.PAIR)
    here.bind(f"inproc://{name}")
    there = context.socket(zmq.PAIR)
    there.connect(f"inproc://{name}")
    return here, there


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    monkeypatch.setattr(module, "POLL", 10)
    context = zmq.asyncio.Context()
    opened = Kernel(context)
    yield opened
    opened.close()
    context.destroy(linger=0)


async def pumped(kernel: Kernel, queue: ReactionQueue) -> "asyncio.Task[None]":
    """What reads the channels of code whose reply has come."""
    channels, reader = Channels(cast("Any", kernel.client)), ReactionReader(ID)
    kernel.reply()
    task = asyncio.create_task(channels.pump(reader, queue))
    async with asyncio.timeout(30):
        while not reader.replied:  # noqa: ASYNC110 (nobody announces it)
            await asyncio.sleep(0.01)
    return task


async def test_code_is_done_though_its_idle_status_is_lost(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a silence: the reply has said how it ended."""
    monkeypatch.setattr(module, "IDLE_GRACE", 0.05)
    queue = ReactionQueue()
    task = await pumped(kernel, queue)
    async with asyncio.timeout(30):
        assert await queue.get() == Done(status="ok", execution_count=3)
        await task


async def test_idle_status_is_waited_for(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outputs may still be on their way until it comes; then no silence is waited for."""
    monkeypatch.setattr(module, "IDLE_GRACE", 60)
    queue = ReactionQueue()
    task = await pumped(kernel, queue)
    done, _ = await asyncio.wait({task}, timeout=0.1)
    assert not done
    kernel.idle()
    async with asyncio.timeout(30):
        assert await queue.get() == Done(status="ok", execution_count=3)
        await task
