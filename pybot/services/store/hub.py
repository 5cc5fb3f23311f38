"""Delivery of log entries to the readers in this process.

Entries arrive twice: from the appender right after Redis has confirmed them, and by pub/sub from
every process (this one included). Whichever is first wins, by number. The log is the truth: a
reader that sees a gap, or whose inbox is stale, reads the log.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

from pybot.errors import Unavailable
from pybot.services.background.supervisor import Supervisor
from pybot.services.background.tasks import cancel_and_wait
from pybot.services.store.client import Client, listening, with_unavailable

logger = logging.getLogger(__name__)

# Entries that wait for a reader; one that falls behind further reads the log instead.
INBOX_SIZE = 256
RECONNECT_DELAY = 0.5  # seconds
# The channel on which every process hears IDs of runs that were cancelled.
NOTICES = "pybot:hub"
# A log from which nothing came for SILENT_LOOKS * LOOK_INTERVAL seconds is read once. One timer
# serves all readers: one for each reader would be set and cancelled for every token.
LOOK_INTERVAL = 3.0  # seconds
SILENT_LOOKS = 5
CANCEL_AGAIN_AFTER = 0.1  # seconds until a task that has not ended is cancelled again

Raw = tuple[int, int, bytes]


class Inbox:
    """What arrived for one reader of one log: (number, time in ms, event as JSON)."""

    def __init__(self) -> None:
        self.entries: list[Raw] = []
        self.stale = False
        self._silent_looks = 0
        self._ready = asyncio.Event()

    def put(self, entry: Raw) -> None:
        """Add an entry; when there are too many, drop them all and have the log read."""
        if len(self.entries) >= INBOX_SIZE:
            self.mark_stale()
        else:
            self.entries.append(entry)
            self._ready.set()

    def mark_stale(self) -> None:
        """Have the log read, since entries may have been missed."""
        self.entries.clear()
        self.stale = True
        self._ready.set()

    async def take(self) -> list[Raw]:
        """Wait for entries, and take them; an empty list means: read the log."""
        await self._ready.wait()
        self._ready.clear()
        entries, self.entries = self.entries, []
        self._silent_looks = 0
        if self.stale:
            self.stale = False
            return []
        return entries

    def look(self) -> None:
        """Have the log read when nothing came for SILENT_LOOKS calls: pub/sub may lose messages."""
        self._silent_looks += 1
        if self._silent_looks >= SILENT_LOOKS:
            self.mark_stale()


class _Channel:
    """A log with readers in this process."""

    def __init__(self) -> None:
        self.inboxes: set[Inbox] = set()
        self.newest = 0
        # Set by the first subscription and never cleared: later ones call `mark_stale`.
        self.subscribed = asyncio.Event()

    def mark_stale(self) -> None:
        """Have every reader read the log, which may be shorter than it was."""
        self.newest = 0
        for inbox in self.inboxes:
            inbox.mark_stale()


class Hub:
    """The readers of this process, by the log's key, which is the pub/sub channel as well.

    `on_notice` is called with what is published on the channel NOTICES. Some may be missed.
    """

    def __init__(self, client: Client, *, look_interval: float = LOOK_INTERVAL) -> None:
        self._client = client
        self._look_interval = look_interval
        self._channels: dict[str, _Channel] = {}
        self._wanted = asyncio.Event()
        self._confirmed: set[str] = set()
        self.on_notice: list[Callable[[str], object]] = []

    def subscriptions(self, log: str) -> int:
        """How many of a channel's subscribers are this process: 0 or 1."""
        return int(log in self._confirmed)

    @contextlib.asynccontextmanager
    async def running(self, supervisor: Supervisor) -> AsyncGenerator[None]:
        """Listen to the other processes while the context is open."""
        tasks = [
            supervisor.start(self._listen(), "listener to other processes"),
            supervisor.start(self._look(), "look at silent logs"),
        ]
        try:
            yield
        finally:
            await cancel_and_wait(*tasks, again_after=CANCEL_AGAIN_AFTER)

    @contextlib.asynccontextmanager
    async def reading(self, log: str) -> AsyncGenerator[Inbox]:
        """An inbox that gets every entry of a log from now on."""
        inbox = Inbox()
        channel = self._channels.get(log)
        if channel is None:
            channel = self._channels[log] = _Channel()
            if log in self._confirmed:
                # The last reader has only just left: the subscription is still there.
                channel.subscribed.set()
        channel.inboxes.add(inbox)
        self._wanted.set()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await channel.subscribed.wait()
            yield inbox
        finally:
            channel.inboxes.discard(inbox)
            if not channel.inboxes and self._channels.get(log) is channel:
                del self._channels[log]
                self._wanted.set()

    def deliver(self, log: str, entry: Raw) -> None:
        """Hand an entry to the readers of a log, once."""
        channel = self._channels.get(log)
        if channel is None or entry[0] <= channel.newest:
            return
        channel.newest = entry[0]
        for inbox in channel.inboxes:
            inbox.put(entry)

    async def _listen(self) -> None:
        """Listen to pub/sub, connecting again after each loss; every reader then reads its log."""
        while True:
            try:
                await with_unavailable(self._follow())
            except Unavailable as error:
                logger.warning("events from other processes are interrupted: %s", error)
            self._confirmed.clear()
            for channel in self._channels.values():
                channel.mark_stale()
            await asyncio.sleep(RECONNECT_DELAY)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._look_interval)
            for channel in self._channels.values():
                for inbox in channel.inboxes:
                    inbox.look()

    async def _follow(self) -> None:
        """Listen over one connection until it is lost."""
        # A connection that listens to nothing cannot be read: this channel is always there.
        async with listening(self._client, NOTICES) as pubsub:
            tasks = [
                asyncio.create_task(with_unavailable(self._receive(pubsub))),
                asyncio.create_task(with_unavailable(self._update_subscriptions(pubsub))),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                # Not a TaskGroup's cancellation: redis-py can swallow one.
                await cancel_and_wait(*tasks, again_after=CANCEL_AGAIN_AFTER)
        errors = [task.exception() for task in tasks if not task.cancelled()]
        # When the connection is lost under both, one of them may stumble over its remains.
        errors.sort(key=lambda error: not isinstance(error, Unavailable))
        for error in errors:
            if error is not None:
                raise error

    async def _receive(self, pubsub: Any) -> None:
        while True:
            message = await pubsub.get_message(timeout=30)
            if message is not None:
                self._heard(message)

    async def _update_subscriptions(self, pubsub: Any) -> None:
        """Subscribe to the logs that have readers, unsubscribe from the others, in batches."""
        subscribed: set[str] = set()
        while True:
            self._wanted.clear()
            wanted = set(self._channels)
            if added := wanted - subscribed:
                await pubsub.subscribe(*added)
            if removed := subscribed - wanted:
                self._confirmed -= removed
                await pubsub.unsubscribe(*removed)
            subscribed = wanted
            await self._wanted.wait()

    def _heard(self, message: dict[str, Any]) -> None:
        log = message["channel"].decode()
        if message["type"] == "subscribe":
            self._confirmed.add(log)
            for channel in self._channel(log):
                if channel.subscribed.is_set():
                    # The connection is a new one; what came meanwhile was missed.
                    channel.mark_stale()
                channel.subscribed.set()
        elif message["type"] == "unsubscribe":
            self._confirmed.discard(log)
        elif log == NOTICES:
            for notify in self.on_notice:
                notify(message["data"].decode(errors="replace"))
        elif message["type"] == "message":
            for channel in self._channel(log):
                number, _, rest = message["data"].partition(b" ")
                if int(number) > channel.newest:
                    milliseconds, _, event = rest.partition(b" ")
                    self.deliver(log, (int(number), int(milliseconds), event))

    def _channel(self, log: str) -> Iterator[_Channel]:
        channel = self._channels.get(log)
        if channel is not None:
            yield channel
