"""One local kernel: its process, and the two channels over which its owner speaks to it."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient

from pybot.services.background.tasks import cancel_and_wait, log_failure
from pybot.services.kernels.base import KernelUnavailable
from pybot.services.kernels.owner_protocol import ConnectionInfo
from pybot.services.kernels.upstream_jupyter_client import connect
from pybot.services.local.kernel_child import KernelChild
from pybot.services.local.kernel_launcher import KernelLauncher

INTERRUPT_TIMEOUT = 1  # seconds until an interrupt is taken as sent, answered or not
SHUTDOWN_TIMEOUT = 1  # seconds that a kernel has to close its files
RECONNECT = 10  # milliseconds between two tries to reach a socket that is not there yet
LARGEST_MESSAGE = 1024 * 1024  # bytes; replies to the owner are short


class KernelProcess:
    """A kernel that can be started again under the same ID.

    `reason` is why it ends when it ends now, empty while it has not started.
    `open_count` is how many clients have it open; `used_at` is when one last opened or closed it,
    on the monotonic clock. `on_end` is called when the process ends, however it does.
    """

    def __init__(
        self,
        kernel_id: str,
        conversation_id: str,
        launcher: KernelLauncher,
        runtime: Path,
        on_end: Callable[["KernelProcess"], None],
    ) -> None:
        self.kernel_id = kernel_id
        self.conversation_id = conversation_id
        self.connection: ConnectionInfo | None = None
        self.reason: Literal["", "died", "culled", "restarted", "shutdown"] = ""
        self.open_count = 0
        self.used_at = time.monotonic()
        self.lock = asyncio.Lock()
        self._launcher = launcher
        self._runtime = runtime
        self._on_end = on_end
        self._process: KernelChild | None = None
        self._watch: asyncio.Task[None] | None = None
        self._client: AsyncKernelClient | None = None

    @property
    def alive(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.returncode is None

    async def start(self, timeout: float) -> None:
        """Start the process and wait until it answers. KernelUnavailable when it does not."""
        self.reason = ""
        self._process, self.connection = await self._launcher.launch(
            self.conversation_id, self._runtime
        )
        self._watch = asyncio.create_task(
            self._wait(self._process), name=f"watch of kernel {self.kernel_id}"
        )
        self._watch.add_done_callback(log_failure)
        try:
            self._client = _connect(self.connection)
            async with asyncio.timeout(timeout):
                await self._answers(self._watch)
        except TimeoutError:
            await self.stop(graceful=False)
            raise KernelUnavailable(f"The kernel did not answer within {timeout:g} s.") from None
        except BaseException:
            await self.stop(graceful=False)
            raise
        self.reason = "died"

    async def interrupt(self) -> None:
        """Interrupt what it runs."""
        await self._command("interrupt_request", INTERRUPT_TIMEOUT)

    async def stop(self, *, graceful: bool = True) -> None:
        """End the process; gracefully, files that its code left open are written out."""
        if self._process is None or self._watch is None:
            return
        if graceful and self.alive:
            await self._command("shutdown_request", SHUTDOWN_TIMEOUT, {"restart": False})
            await asyncio.wait([self._watch], timeout=SHUTDOWN_TIMEOUT)
        self._process.kill()
        await self._watch
        if self._client is not None:
            _disconnect(self._client)
            self._client = None

    async def _answers(self, watch: asyncio.Task[None]) -> None:
        """Wait for the reply to a question, or for the process's end."""
        assert self._client is not None
        self._client.kernel_info()
        reply = asyncio.ensure_future(self._client.get_shell_msg())
        try:
            await asyncio.wait([reply, watch], return_when=asyncio.FIRST_COMPLETED)
            if not reply.done():
                said = self._process.stderr_tail if self._process else ""
                raise KernelUnavailable(f"The kernel ended while it started: {said or 'no word'}")
            reply.result()
        finally:
            await cancel_and_wait(reply)

    async def _command(
        self, kind: str, timeout: float, content: dict[str, object] | None = None
    ) -> None:
        """Send a request over the control channel and wait a while for its reply."""
        if self._client is None:
            return
        self._client.control_channel.send(self._client.session.msg(kind, content or {}))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._client.get_control_msg()

    async def _wait(self, process: KernelChild) -> None:
        await process.wait()
        self._on_end(self)


def _connect(connection: ConnectionInfo) -> AsyncKernelClient:
    """A client with the shell and control channels, each of bounded size."""
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.LINGER, 0)
    context.setsockopt(zmq.RECONNECT_IVL, RECONNECT)
    context.setsockopt(zmq.RCVHWM, 10)
    context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
    return connect(context, connection, iopub=False, control=True)


def _disconnect(client: AsyncKernelClient) -> None:
    client.stop_channels()
    client.context.destroy()
