"""Opens everything that waits or touches the world, in order, and closes it in reverse."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pybot.config import Settings
from pybot.services.background.repairing import Repairs, repair_repeatedly
from pybot.services.background.supervisor import Supervisor
from pybot.services.background.tasks import cancel_and_wait
from pybot.services.conversation_kernels.commands import ConversationKernels
from pybot.services.conversations.cleanup import REPAIR_INTERVAL, Cleanup
from pybot.services.conversations.commands import Conversations
from pybot.services.conversations.eventlog import EventLog
from pybot.services.conversations.folders import folder_removal
from pybot.services.conversations.messages import Messages
from pybot.services.conversations.snapshots import Snapshots
from pybot.services.conversations.storage import Storage, open_storage
from pybot.services.conversations.stored_outputs import StoredOutputs
from pybot.services.conversations.viewerlog import ViewerLog
from pybot.services.kernels.base import Kernels
from pybot.services.kernels.gateway import GatewayKernels
from pybot.services.kernels.local import LocalKernels
from pybot.services.llm.adapters import model_of
from pybot.services.llm.base import ChatModel
from pybot.services.llm.profiles import profile_of
from pybot.services.readiness import Readiness
from pybot.services.runs.answering import Answering
from pybot.services.runs.attempt import WorkerServices
from pybot.services.runs.commands import Runs
from pybot.services.runs.log import RunLogs
from pybot.services.runs.queue import RunQueue
from pybot.services.runs.quota import RunQuota
from pybot.services.runs.repair import REPAIR_INTERVAL as RUN_REPAIR_INTERVAL
from pybot.services.runs.repair import Repair
from pybot.services.runs.starter import RunStarter
from pybot.services.runs.suspension import Suspensions
from pybot.services.runs.worker import RunWorker
from pybot.services.store.blobs import Blobs
from pybot.services.store.client import Client
from pybot.services.store.hub import Hub
from pybot.services.store.write_check import watch_writes
from pybot.services.upgrade.version import upgrade_data


@dataclass(frozen=True)
class Services:
    """Everything that resolvers and the worker call."""

    settings: Settings
    conversations: Conversations
    cleanup: Cleanup
    snapshots: Snapshots
    messages: Messages
    runs: Runs
    run_logs: RunLogs
    queue: RunQueue
    suspensions: Suspensions
    kernels: ConversationKernels
    eventlog: EventLog
    viewerlog: ViewerLog
    blobs: Blobs
    stored_outputs: StoredOutputs
    models: tuple[ChatModel, ...]
    client: Client
    hub: Hub
    supervisor: Supervisor
    readiness: Readiness


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
        store = await open_storage(exits, settings, supervisor)
        # Before anything else is read or written there.
        await upgrade_data(store.client, settings.redis_om_url.get_secret_value(), supervisor)
        model = model_of(settings.llm)
        exits.push_async_callback(model.aclose)
        services = _services(store, settings, supervisor, model, open_kernels(settings))
        exits.push_async_callback(services.kernels.provider.aclose)
        exits.push_async_callback(services.kernels.aclose)
        volume = settings.jupyter.shared_volume_server_path
        store.cleanup.on_delete += [services.kernels.end_deleted, folder_removal(volume)]
        loops: dict[str, Coroutine[Any, Any, None]] = {
            "watch of kernels": services.kernels.watch(),
            "check that Redis takes writes": watch_writes(store.client),
        }
        if settings.run.concurrency:
            loops |= _repair_loops(store, services)
        for name, loop in loops.items():
            exits.push_async_callback(cancel_and_wait, supervisor.start(loop, name))
        if settings.run.concurrency:
            worker = _worker(store, services)
            store.hub.on_notice.append(worker.check_cancelled)
            await exits.enter_async_context(worker.working(supervisor))
        yield services


def _repair_loops(store: Storage, services: Services) -> dict[str, Coroutine[Any, Any, None]]:
    """The loops that finish what a crash cut short, by their names."""
    runs = Repair(
        store.client,
        store.hashes,
        store.gate,
        store.viewerlog,
        services.queue,
        services.suspensions,
    )
    repairs: dict[str, tuple[Repairs, float]] = {
        "repair of runs": (runs, RUN_REPAIR_INTERVAL),
        "repair of conversations": (store.cleanup, REPAIR_INTERVAL),
    }
    return {
        name: repair_repeatedly(each, name, interval) for name, (each, interval) in repairs.items()
    }


def _services(
    store: Storage,
    settings: Settings,
    supervisor: Supervisor,
    model: ChatModel,
    provider: Kernels,
) -> Services:
    """What resolvers and the worker call, wired."""
    client, appender, limits = store.client, store.appender, settings.limits
    conversations = Conversations(
        client,
        store.gate,
        store.hashes,
        appender,
        store.snapshots,
        store.changes,
        store.messages,
        store.viewerlog,
        store.cleanup,
        model_names=[model.name],
    )
    blobs = Blobs(client, appender, most=limits.max_storage)
    queue = RunQueue(client)
    run_logs = RunLogs(client, appender, store.viewerlog, store.changes, lease=settings.run.lease)
    return Services(
        settings=settings,
        conversations=conversations,
        cleanup=store.cleanup,
        snapshots=store.snapshots,
        messages=store.messages,
        runs=_runs(store, settings, conversations, run_logs, queue),
        run_logs=run_logs,
        queue=queue,
        suspensions=Suspensions(
            client,
            store.hashes,
            store.gate,
            appender,
            store.viewerlog,
            queue,
            settings.run,
            most=limits.max_waiting_runs,
        ),
        kernels=ConversationKernels(
            client,
            appender,
            store.gate,
            store.snapshots,
            provider,
            restart_timeout=settings.jupyter.start_timeout,
        ),
        eventlog=store.eventlog,
        viewerlog=store.viewerlog,
        blobs=blobs,
        stored_outputs=StoredOutputs(store.snapshots, store.messages, blobs),
        models=(model,),
        client=client,
        hub=store.hub,
        supervisor=supervisor,
        readiness=Readiness(client, supervisor, model, provider),
    )


def _runs(
    store: Storage,
    settings: Settings,
    conversations: Conversations,
    run_logs: RunLogs,
    queue: RunQueue,
) -> Runs:
    """The commands of runs."""
    client, appender, limits = store.client, store.appender, settings.limits
    quota = RunQuota(client, limits.max_concurrent_runs)
    starter = RunStarter(
        client,
        store.hashes,
        appender,
        store.snapshots,
        store.changes,
        conversations,
        store.viewerlog,
        quota,
    )
    return Runs(
        client,
        appender,
        store.snapshots,
        store.messages,
        starter,
        quota,
        run_logs,
        queue,
        max_message_length=limits.max_message_length,
    )


def _worker(store: Storage, services: Services) -> RunWorker:
    """The worker of this process."""
    settings = services.settings
    answering = Answering(
        services.conversations,
        store.snapshots,
        store.messages,
        store.eventlog,
        services.kernels,
        services.blobs,
        services.models[0],
        profile_of(settings.llm),
        settings,
    )
    worker_services = WorkerServices(
        store.client,
        store.hashes,
        store.gate,
        services.run_logs,
        services.suspensions,
        answering,
    )
    return RunWorker(worker_services, services.queue, concurrency=settings.run.concurrency)
