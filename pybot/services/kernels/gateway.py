"""Kernels behind a Jupyter Enterprise Gateway, over HTTP and websockets."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from typing import Any
from uuid import uuid4

from pybot.config import JupyterSettings
from pybot.services.background.tasks import cancel_and_wait, log_failure
from pybot.services.kernels.base import Done, KernelDied, KernelNotice, KernelUnavailable, Reaction
from pybot.services.kernels.channels import EndMissed
from pybot.services.kernels.gateway_env import kernel_env
from pybot.services.kernels.gateway_execution import GatewayExecution, KernelReplaced
from pybot.services.kernels.gateway_frames import V1
from pybot.services.kernels.gateway_http import DIED, GatewayHttp
from pybot.services.kernels.gateway_socket import SocketCut
from pybot.services.kernels.messages import is_object
from pybot.services.kernels.reaction_queue import ReactionQueue

ASK_AGAIN = 2  # seconds of silence after which a kernel that starts is asked once more
START_MARGIN = 15  # seconds beside the gateway's own limit for a start
CLOSE_TIMEOUT = 5  # seconds that closing waits for kernels to end
POLL_INTERVAL = 5  # seconds between two looks at the kernels that were started here
BOOT_FAILED = "The gateway's kernel ended while it started: see the gateway's log, or the pod's."


class GatewayKernels:
    """The `Kernels` of the gateway that the settings name. Belongs to one event loop."""

    def __init__(self, settings: JupyterSettings, *, framing: str | None = V1) -> None:
        self._settings = settings
        self._gateway = GatewayHttp(settings.gateway_url, settings.gateway_token, framing=framing)
        self._timeout = settings.start_timeout + START_MARGIN
        self._conversations: dict[str, str] = {}
        self._executing: dict[str, dict[ReactionQueue, asyncio.Task[None]]] = defaultdict(dict)
        self._listeners: set[asyncio.Queue[KernelNotice]] = set()
        self._ending: dict[str, asyncio.Task[None]] = {}

    async def start(self, conversation_id: str, username: str) -> str:
        """Start a kernel for the conversation and wait until it answers."""
        kernel_id = str(uuid4())
        await self._make_folder(conversation_id)
        env = kernel_env(
            self._settings,
            kernel_id=kernel_id,
            conversation_id=conversation_id,
            username=username,
        )
        launching = asyncio.create_task(
            self._gateway.call("POST", "/kernels", {"env": env}, timeout=self._timeout)
        )
        try:
            await asyncio.shield(launching)
            await self._wait_until_it_answers(kernel_id)
        except KernelDied:
            raise KernelUnavailable(BOOT_FAILED) from None
        except BaseException:  # also a cancellation: nobody else would end it
            self._end(kernel_id, after=launching)
            raise
        self._conversations[kernel_id] = conversation_id
        return kernel_id

    def execute(self, kernel_id: str, code: str, *, message_id: str) -> AsyncGenerator[Reaction]:
        """Run code and give what comes of it, in order, `Done` last."""
        return self._reactions(kernel_id, message_id, lambda execution: execution.run(code))

    def follow(self, kernel_id: str, *, message_id: str) -> AsyncGenerator[Reaction]:
        """What comes of code that another process sent, from where its connection ended.

        No `Done` when it came too late.
        """
        return self._reactions(kernel_id, message_id, lambda execution: execution.follow())

    async def interrupt(self, kernel_id: str) -> None:
        """Interrupt what the kernel runs."""
        await self._gateway.act(kernel_id, "interrupt")

    async def restart(self, kernel_id: str) -> None:
        """Restart the kernel under the same ID. What it runs here ends as the restart begins."""
        await self._gateway.describe(kernel_id)
        self._stop(kernel_id)
        await self._gateway.act(kernel_id, "restart", timeout=self._timeout)
        await self._wait_until_it_answers(kernel_id)

    async def shutdown(self, kernel_id: str) -> None:
        """End the kernel."""
        self._conversations.pop(kernel_id, None)
        await self._gateway.delete(kernel_id)
        self._stop(kernel_id)

    async def is_alive(self, kernel_id: str) -> bool:
        """Whether the gateway has the kernel; KernelUnavailable when it is out of reach."""
        if kernel_id in self._ending:
            return False
        try:
            description = await self._gateway.describe(kernel_id)
        except KernelDied:
            return False
        return description.get("execution_state") != "dead"

    async def notices(self) -> AsyncGenerator[KernelNotice]:
        """Notices of kernels that were started here, found by polling the gateway."""
        notices: asyncio.Queue[KernelNotice] = asyncio.Queue()
        self._listeners.add(notices)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    yield await asyncio.wait_for(notices.get(), POLL_INTERVAL)
                    continue
                await self._poll()
        finally:
            self._listeners.discard(notices)

    async def check(self) -> None:
        """Raise KernelUnavailable, with what to do, unless the gateway has a kernel to start."""
        try:
            specs: Any = await self._gateway.call("GET", "/kernelspecs")
        except KernelDied:
            raise KernelUnavailable(
                f"There is no gateway at {self._settings.gateway_url}: check JUPYTER__GATEWAY_URL."
            ) from None
        known = specs.get("kernelspecs") if is_object(specs) else None
        if not known or specs.get("default") not in known:
            raise KernelUnavailable(
                "The gateway does not have its default kernel: check EG_DEFAULT_KERNEL_NAME there."
            )

    async def aclose(self) -> None:
        """Close the connections; kernels go on, but for those that were to end."""
        ending = list(self._ending.values())
        if ending:
            await asyncio.wait(ending, timeout=CLOSE_TIMEOUT)
            await cancel_and_wait(*ending)
        await self._gateway.aclose()

    async def _reactions(
        self,
        kernel_id: str,
        message_id: str,
        work: Callable[[GatewayExecution], Coroutine[Any, Any, None]],
    ) -> AsyncGenerator[Reaction]:
        """The reactions of an execution, which `work` reads in a task of its own."""
        queue = ReactionQueue()
        execution = GatewayExecution(self._gateway, kernel_id, message_id, queue)
        task = asyncio.create_task(work(execution))
        executing = self._executing[kernel_id]
        executing[queue] = task
        task.add_done_callback(lambda _: _report(task, queue))
        try:
            while True:
                reaction = await queue.get()
                yield reaction
                if isinstance(reaction, Done):
                    return
        except EndMissed:
            return
        except KernelDied as died:
            self._lose(kernel_id, replaced=isinstance(died, KernelReplaced))
            raise
        finally:
            del executing[queue]
            if not executing:
                self._executing.pop(kernel_id, None)
            # It closes its socket, which takes a moment.
            await cancel_and_wait(task, again_after=CLOSE_TIMEOUT)

    def _stop(self, kernel_id: str) -> None:
        """End the executions on a kernel that is about to be restarted or shut down."""
        for queue, task in self._executing.get(kernel_id, {}).items():
            task.cancel()
            queue.fail(KernelDied(DIED))

    def _lose(self, kernel_id: str, *, replaced: bool) -> None:
        """Note that a kernel died; end the one that the gateway started in its place."""
        if replaced:
            self._end(kernel_id)
            self._notify(kernel_id, "died")

    def _notify(self, kernel_id: str, status: Any) -> None:
        conversation_id = self._conversations.pop(kernel_id, None)
        if conversation_id is not None:
            for listener in self._listeners:
                listener.put_nowait(KernelNotice(conversation_id, kernel_id, status))

    def _end(self, kernel_id: str, after: asyncio.Task[Any] | None = None) -> None:
        """End a kernel in the background, after its launch where that still goes on."""
        if kernel_id not in self._ending:
            task = asyncio.create_task(
                self._delete(kernel_id, after), name=f"end of kernel {kernel_id}"
            )
            self._ending[kernel_id] = task
            task.add_done_callback(lambda _: self._ending.pop(kernel_id))
            task.add_done_callback(log_failure)

    async def _delete(self, kernel_id: str, after: asyncio.Task[Any] | None) -> None:
        with contextlib.suppress(KernelUnavailable, KernelDied):  # it is culled in the end
            if after is not None:
                await after
            await self._gateway.delete(kernel_id)

    async def _poll(self) -> None:
        with contextlib.suppress(KernelUnavailable):
            for kernel_id in list(self._conversations):
                if not await self.is_alive(kernel_id):
                    self._notify(kernel_id, "culled")

    async def _wait_until_it_answers(self, kernel_id: str) -> None:
        """Wait until a starting kernel answers, asking again: an early request may be lost."""
        session_id = uuid4().hex
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._gateway.channels(kernel_id, session_id) as socket,
            ):
                message: Mapping[str, Any] | None = None
                while message is None or message.get("msg_type") != "kernel_info_reply":
                    if message is None:
                        await socket.send("kernel_info_request", {}, session_id)
                    message = await socket.receive(ASK_AGAIN)
        except SocketCut as error:
            raise KernelUnavailable(f"The kernel's connection was cut: {error}") from error
        except TimeoutError:
            raise KernelUnavailable(
                f"The kernel did not answer within {self._timeout:g} s."
            ) from None

    async def _make_folder(self, conversation_id: str) -> None:
        """Make the conversation's folder; Kubernetes would make one that only root may write to."""
        volume = self._settings.shared_volume_server_path
        if volume is not None:
            folder = volume / conversation_id
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)


def _report(task: asyncio.Task[None], queue: ReactionQueue) -> None:
    """Put the failure of reading into the queue: nobody else waits for the task."""
    failure = None if task.cancelled() else task.exception()
    if isinstance(failure, KernelDied | KernelUnavailable | EndMissed):
        queue.fail(failure)
    elif failure is not None:
        error = RuntimeError(f"Reading from the kernel failed: {failure!r}")
        error.__cause__ = failure  # for its traceback
        queue.fail(error)
