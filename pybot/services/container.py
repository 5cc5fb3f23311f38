"""Opens everything that waits or touches the world, in order, and closes it in reverse."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pybot.config import Settings
from pybot.errors import Unavailable
from pybot.services.blobs import Blobs
from pybot.services.conversation_kernels.commands import ConversationKernels
from pybot.services.conversations.changes import Changes
from pybot.services.conversations.commands import Conversations
from pybot.services.conversations.eventlog import EventLog
from pybot.services.conversations.gate import Gate
from pybot.services.conversations.messages import Messages
from pybot.services.conversations.snapshots import Snapshots
from pybot.services.conversations.sweep import Sweep
from pybot.services.conversations.viewerlog import ViewerLog
from pybot.services.hashes import Hashes
from pybot.services.kernels.base import Kernels, KernelUnavailable
from pybot.services.kernels.gateway import GatewayKernels
from pybot.services.kernels.local import LocalKernels
from pybot.services.llm.adapters import model_of
from pybot.services.llm.base import ChatModel
from pybot.services.llm.profiles import profile_of
from pybot.services.outputs import Outputs
from pybot.services.runs.answering import Answering
from pybot.services.runs.attempt import Workplace
from pybot.services.runs.commands import Runs
from pybot.services.runs.log import RunLogs
from pybot.services.runs.queue import RunQueue
from pybot.services.runs.quota import RunQuota
from pybot.services.runs.repair import Repair
from pybot.services.runs.starts import Starts
from pybot.services.runs.suspension import Suspensions
from pybot.services.runs.worker import RunWorker
from pybot.services.store.appender import Appender
from pybot.services.store.connection import Client, connect
from pybot.services.store.hub import Hub
from pybot.services.store.room import refusal_of_writes, watch_writes
from pybot.services.supervision import Supervisor
from pybot.services.tasks import cancel_and_wait
from pybot.services.upgrade.version import bring_up_to_date


@dataclass(frozen=True)
class Services:
    """Everything that resolvers and the worker call."""

    settings: Settings
    conversations: Conversations
    sweep: Sweep
    snapshots: Snapshots
    messages: Messages
    runs: Runs
    run_logs: RunLogs
    suspensions: Suspensions
    kernels: ConversationKernels
    eventlog: EventLog
    viewerlog: ViewerLog
    outputs: Outputs
    models: tuple[ChatModel, ...]
    client: Client
    hub: Hub
    supervisor: Supervisor

    async def ready(self) -> dict[str, str]:
        """Each backend, and this process's own loops, with "ok" or what is wrong with it."""
        redis, writes, model, kernels = await asyncio.gather(
            self._redis_state(), self._writes_state(), self._model_state(), self._kernels_state()
        )
        return {
            "loops": self.supervisor.failure or "ok",
            "redis": redis,
            "writes": writes,
            "model": model,
            "kernels": kernels,
        }

    async def _writes_state(self) -> str:
        try:
            async with asyncio.timeout(3):
                return await refusal_of_writes(self.client) or "ok"
        except (Unavailable, TimeoutError):
            return "not known while Redis is out of reach"

    async def _redis_state(self) -> str:
        try:
            async with asyncio.timeout(3):
                await self.client.ping()
        except (Unavailable, TimeoutError) as error:
            return f"{str(error) or 'Redis does not answer in time.'} Check REDIS_OM_URL."
        return "ok"

    async def _model_state(self) -> str:
        info = await self.models[0].info()
        return "ok" if info.available else "The model does not answer: check LLM__URL."

    async def _kernels_state(self) -> str:
        try:
            async with asyncio.timeout(3):
                await self.kernels.provider.check()
        except (KernelUnavailable, TimeoutError) as error:
            return str(error) or "The provider of kernels does not answer."
        return "ok"


def open_kernels(settings: Settings) -> Kernels:
    """The adapter that the settings name."""
    jupyter = settings.jupyter
    if jupyter.owner_socket is not None:
        return LocalKernels(jupyter.owner_socket, jupyter.start_timeout)
    return GatewayKernels(jupyter)


@asynccontextmanager
async def open_services(
    settings: Settings, on_failure: Callable[[str], object] | None = None
) -> AsyncGenerator[Services]:
    """The services, connected; and with RUN__CONCURRENCY above 0 a worker beside them.

    `on_failure` is called once when a background loop has failed: the process is to end.
    """
    async with AsyncExitStack() as exits:
        supervisor = Supervisor(on_failure)
        await exits.enter_async_context(supervisor.running())
        url, limits = settings.redis_om_url.get_secret_value(), settings.limits
        client, hashes = connect(url), Hashes(url)
        exits.push_async_callback(client.aclose)
        exits.push_async_callback(hashes.aclose)
        model = model_of(settings.llm)
        exits.push_async_callback(model.aclose)
        provider = open_kernels(settings)
        exits.push_async_callback(provider.aclose)

        hub = Hub(client)
        await exits.enter_async_context(hub.running(supervisor))
        appender = Appender(client, hub, retention=limits.event_retention)
        await exits.enter_async_context(appender.running(supervisor))

        await bring_up_to_date(client, url, supervisor)
        gate = Gate(client)
        eventlog = EventLog(client, gate, hub, appender, retention=limits.event_retention)
        viewerlog = ViewerLog(client, hub, appender)
        snapshots = Snapshots(gate, hashes, eventlog)
        messages = Messages(client, snapshots)
        changes = Changes(gate, snapshots, appender, viewerlog)
        sweep = Sweep(client, gate, appender, viewerlog, retention=limits.event_retention)
        conversations = Conversations(
            client,
            gate,
            hashes,
            appender,
            snapshots,
            changes,
            viewerlog,
            sweep,
            model_names=[model.name],
        )
        blobs = Blobs(client, appender, most=limits.max_storage)
        kernels = ConversationKernels(
            client,
            appender,
            gate,
            provider,
            restart_timeout=settings.jupyter.start_timeout,
        )
        exits.push_async_callback(kernels.aclose)
        run_logs = RunLogs(client, appender, viewerlog, changes, lease=settings.run.lease)
        queue = RunQueue(client)
        quota = RunQuota(client, limits.max_concurrent_runs)
        suspensions = Suspensions(
            client,
            hashes,
            gate,
            appender,
            viewerlog,
            queue,
            settings.run,
            most=limits.max_waiting_runs,
        )
        runs = Runs(
            client,
            appender,
            snapshots,
            messages,
            Starts(client, hashes, appender, snapshots, changes, conversations, viewerlog, quota),
            quota,
            run_logs,
            queue,
            max_message_length=limits.max_message_length,
        )
        sweep.on_delete += [kernels.forget, _folder_removal(settings)]
        for loop, name in (
            (kernels.watch(), "watch of kernels"),
            (watch_writes(client), "check that Redis takes writes"),
        ):
            exits.push_async_callback(cancel_and_wait, supervisor.start(loop, name))
        if settings.run.concurrency:
            answering = Answering(
                conversations,
                snapshots,
                messages,
                eventlog,
                kernels,
                blobs,
                model,
                profile_of(settings.llm),
                settings,
            )
            repair = Repair(client, hashes, gate, viewerlog, queue, suspensions)
            for loop, name in (
                (repair.watch(), "repair of runs"),
                (sweep.keep_repairing(), "repair of conversations"),
            ):
                exits.push_async_callback(cancel_and_wait, supervisor.start(loop, name))
            workplace = Workplace(client, hashes, gate, run_logs, suspensions, answering)
            worker = RunWorker(workplace, queue, concurrency=settings.run.concurrency)
            hub.on_notice.append(worker.look_at)
            await exits.enter_async_context(worker.working(supervisor))
        yield Services(
            settings=settings,
            conversations=conversations,
            sweep=sweep,
            snapshots=snapshots,
            messages=messages,
            runs=runs,
            run_logs=run_logs,
            suspensions=suspensions,
            kernels=kernels,
            eventlog=eventlog,
            viewerlog=viewerlog,
            outputs=Outputs(snapshots, messages, blobs),
            models=(model,),
            client=client,
            hub=hub,
            supervisor=supervisor,
        )


def _folder_removal(settings: Settings) -> Callable[[str], Coroutine[Any, Any, None]]:
    """Removes a deleted conversation's folder where this server sees the shared volume."""
    volume = settings.jupyter.shared_volume_server_path

    async def remove(conversation_id: str) -> None:
        if volume is not None:
            await asyncio.to_thread(shutil.rmtree, volume / conversation_id, ignore_errors=True)

    return remove
