"""Redis, opened, with everything that reads and writes conversations there."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from pybot.config import Settings
from pybot.services.background.supervisor import Supervisor
from pybot.services.conversations.changes import Changes
from pybot.services.conversations.cleanup import Cleanup
from pybot.services.conversations.eventlog import EventLog
from pybot.services.conversations.gate import Gate
from pybot.services.conversations.messages import Messages
from pybot.services.conversations.snapshots import Snapshots
from pybot.services.conversations.viewerlog import ViewerLog
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client, connect
from pybot.services.store.hashes import Hashes
from pybot.services.store.hub import Hub


@dataclass(frozen=True)
class Storage:
    """The clients of one Redis, and what stands on them."""

    client: Client
    hashes: Hashes
    hub: Hub
    appender: Appender
    gate: Gate
    eventlog: EventLog
    viewerlog: ViewerLog
    snapshots: Snapshots
    messages: Messages
    changes: Changes
    cleanup: Cleanup


async def open_storage(
    exits: AsyncExitStack, settings: Settings, supervisor: Supervisor
) -> Storage:
    """Connect to Redis and start what waits on it; `exits` closes it all again."""
    url, retention = settings.redis_om_url.get_secret_value(), settings.limits.event_retention
    client, hashes = connect(url), Hashes(url)
    exits.push_async_callback(client.aclose)
    exits.push_async_callback(hashes.aclose)
    hub = Hub(client)
    await exits.enter_async_context(hub.running(supervisor))
    appender = Appender(client, hub, retention=retention)
    await exits.enter_async_context(appender.running(supervisor))
    gate = Gate(client)
    eventlog = EventLog(client, gate, hub, appender, retention=retention)
    viewerlog = ViewerLog(client, hub, appender)
    snapshots = Snapshots(gate, hashes, eventlog)
    return Storage(
        client=client,
        hashes=hashes,
        hub=hub,
        appender=appender,
        gate=gate,
        eventlog=eventlog,
        viewerlog=viewerlog,
        snapshots=snapshots,
        messages=Messages(client, snapshots),
        changes=Changes(gate, snapshots, appender, viewerlog),
        cleanup=Cleanup(client, gate, appender, viewerlog, retention=retention),
    )
