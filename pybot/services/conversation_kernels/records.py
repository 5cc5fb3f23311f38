"""The records of the conversations' kernels, in Redis.

The provider (a gateway, or the machine's kernel owner) runs the processes. A worker, a viewer's
command and a notice of the provider may change a record at the same time, so each write requires
that the record is still the one that was read.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from pybot.errors import NotFound
from pybot.services.conversations.gate import NO_CONVERSATION
from pybot.services.records import Kernel, KernelStatus, Viewer
from pybot.services.records.events import KernelChanged
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.client import Client
from pybot.services.store.script import Script
from pybot.services.store.write import EXISTS, Refused, Write
from pybot.services.values.instants import milliseconds, now

RUNNING = (KernelStatus.IDLE, KernelStatus.BUSY)
ALIVE = (*RUNNING, KernelStatus.STARTING, KernelStatus.RESTARTING)

# KEYS[1] the viewer's kernels; ARGV: a conversation, and when it was noted last.
FORGET = """
local noted = redis.call('ZSCORE', KEYS[1], ARGV[1])
if noted and tonumber(noted) == tonumber(ARGV[2]) then
    redis.call('ZREM', KEYS[1], ARGV[1])
end
return 0
"""
# The label of the requirement that a record has not changed since it was read.
SAME_KERNEL = "kernel"

# Gives the record that replaces one; the same one to change nothing.
Update = Callable[[Kernel | None], Kernel | None]
# Adds requirements and commands to the write of a change.
Extend = Callable[[Write], object]


class KernelRecords:
    """Reads and changes the records of kernels, and publishes each change."""

    def __init__(self, client: Client, appender: Appender) -> None:
        self.client = client
        self._appender = appender
        self._forget = Script(client, FORGET)

    async def load(self, conversation_id: str) -> Kernel | None:
        """The record of a conversation's kernel; None before the first one."""
        return _decoded(await self.client.get(keys.kernel(conversation_id)))

    async def change(
        self, conversation_id: str, update: Update, extend: Extend | None = None
    ) -> Kernel | None:
        """Replace the record by what `update` gives, in one write with what `extend` adds.

        Gives the record after that. Raises NotFound for a conversation that was deleted, and
        Refused for what `extend` requires.
        """
        key, head = keys.kernel(conversation_id), keys.conversation(conversation_id)
        while True:
            stored: Any = await self.client.get(key)
            before = _decoded(stored)
            after = update(before)
            if after is None or after == before:
                return before
            write = Write.to_conversation(conversation_id)
            write.require(SAME_KERNEL, (stored or b"").decode(), "GET", key)
            write.do("SET", key, msgspec.json.encode(after))
            write.do("HSET", head, "kernel_generation", after.generation)
            if extend is not None:
                extend(write)
            if await self._append(write.emit(KernelChanged(after))):
                return after

    async def set_status(self, kernel: Kernel, status: KernelStatus) -> bool:
        """Set the status of a running kernel; False when the record names another process."""

        def changed(before: Kernel | None) -> Kernel | None:
            if before is None or before.status is status or not is_same_process(before, kernel):
                return before
            return with_status(before, status)

        after = await self.change(kernel.conversation_id, changed)
        return after is not None and after.status is status

    async def write_if_same(self, kernel: Kernel, extend: Extend) -> bool:
        """Write what `extend` adds if the record is still `kernel`; whether it was.

        Raises NotFound, and Refused for what `extend` requires.
        """
        write = Write.to_conversation(kernel.conversation_id)
        key = keys.kernel(kernel.conversation_id)
        stored: Any = await self.client.get(key)
        if _decoded(stored) != kernel:
            return False
        write.require(SAME_KERNEL, stored.decode(), "GET", key)
        extend(write)
        return await self._append(write)

    async def _append(self, write: Write) -> bool:
        """Carry a write out; False when the record has changed meanwhile."""
        try:
            await self._appender.append(write)
        except Refused as refused:
            if refused.label == EXISTS:
                raise NotFound(NO_CONVERSATION, ("conversationId",)) from None
            if refused.label == SAME_KERNEL:
                return False
            raise
        return True

    async def note_needed(self, viewer: Viewer, conversation_id: str) -> None:
        """List a conversation with the viewer's kernels: its kernel may be started next."""
        key = keys.viewer_kernels(viewer.key)
        await self.client.zadd(key, {conversation_id: milliseconds(now())})

    async def needed(self, viewer: Viewer) -> dict[str, int]:
        """The conversations that are listed, with the ms at which they were noted last."""
        found: Any = await self.client.zrange(
            keys.viewer_kernels(viewer.key), 0, -1, withscores=True
        )
        return {conversation_id.decode(): int(noted) for conversation_id, noted in found}

    async def forget_needed(self, viewer: Viewer, noted: Mapping[str, int]) -> None:
        """Take conversations off the list that were not noted again meanwhile."""
        key = keys.viewer_kernels(viewer.key)
        if noted:
            await self._forget.each([([key], each) for each in noted.items()])

    async def next_generation(self, conversation_id: str) -> int:
        """The generation of the next kernel."""
        head = keys.conversation(conversation_id)
        return int(await self.client.hget(head, "kernel_generation") or 0) + 1


def with_status(kernel: Kernel, status: KernelStatus) -> Kernel:
    """A kernel with a status since now; DEAD and STOPPED remove the ID of the process."""
    gone = status not in ALIVE
    return replace(
        kernel,
        status=status,
        since=now(),
        kernel_id=None if gone else kernel.kernel_id,
        started_at=None if gone else kernel.started_at,
        last_activity_at=now() if status in RUNNING else kernel.last_activity_at,
    )


def is_same_process(record: Kernel, kernel: Kernel) -> bool:
    """Whether the record says that the process of `kernel` is running."""
    named = (record.generation, record.kernel_id)
    return record.status in RUNNING and named == (kernel.generation, kernel.kernel_id)


def _decoded(stored: Any) -> Kernel | None:
    return None if stored is None else msgspec.json.decode(stored, type=Kernel)
