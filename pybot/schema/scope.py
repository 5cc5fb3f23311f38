"""What objects of one conversation are read with, so that one answer is of one instant."""

from typing import TYPE_CHECKING

from pybot.context import Info
from pybot.schema.fields import Once
from pybot.schema.selection import selects
from pybot.services.records import (
    Cell,
    CellPart,
    Conversation,
    Kernel,
    Run,
    Viewer,
    conversation_of,
)
from pybot.services.snapshots import MessageView, Snapshot

if TYPE_CHECKING:
    from pybot.services.container import Services


class Scope:
    """Reads what belongs to one conversation, for one operation.

    Once its snapshot has been read, all that can still change comes from the snapshot: the
    conversation, the run going on and the message that it writes. What has ended never changes,
    so it may be read at any time.
    """

    def __init__(self, services: "Services", viewer: Viewer, conversation_id: str) -> None:
        self.services = services
        self.viewer = viewer
        self.conversation_id = conversation_id
        self.snapshot = Once[Snapshot](self._read)

    async def _read(self) -> Snapshot:
        return await self.services.snapshots.read(self.viewer, self.conversation_id)

    async def conversation(self) -> Conversation:
        """The conversation. Raises NotFound."""
        if snapshot := self.snapshot.value:
            return snapshot.conversation
        return await self.services.conversations.get(self.viewer, self.conversation_id)

    async def kernel(self) -> Kernel | None:
        """The kernel; None before the first one is started. Raises NotFound."""
        if snapshot := self.snapshot.value:
            return snapshot.kernel
        return await self.services.kernels.get(self.viewer, self.conversation_id)

    async def run(self, run_id: str) -> Run:
        """A run. Raises NotFound."""
        run = self.snapshot.value.active_run if self.snapshot.value else None
        if run and run.id == run_id:
            return run
        return await self.services.snapshots.run(self.viewer, run_id)

    async def message(self, message_id: str) -> MessageView:
        """A message with its parts. Raises NotFound."""
        running = self.snapshot.value.running if self.snapshot.value else None
        if running and running.message.id == message_id:
            return running
        return await self.services.snapshots.message(self.viewer, message_id)

    async def cell(self, cell_id: str) -> Cell:
        """A cell with its outputs. Raises NotFound."""
        running = self.snapshot.value.running if self.snapshot.value else None
        for cell in cells(running) if running else []:
            if cell.id == cell_id:
                return cell
        return await self.services.snapshots.cell(self.viewer, cell_id)


def scope_of(info: Info, conversation_id: str) -> Scope:
    """The scope of a conversation in this operation (in this event of a subscription)."""
    cache, key = info.context.cache, (Scope, conversation_id)
    if key not in cache:
        cache[key] = Scope(info.context.services, info.context.viewer, conversation_id)
    scope = cache[key]
    assert isinstance(scope, Scope)
    return scope


async def scope_below(info: Info, object_id: str, *, payload: bool = False) -> Scope:
    """The scope for an object that the present field gives, or its `payload` holds.

    Where a snapshot's cursor is selected below, the snapshot is read before all else:
    whatever follows the cursor is then an event. Raises NotFound.
    """
    scope = scope_of(info, conversation_of(object_id))
    if selects(info, "eventCursor", deeper=payload):
        await scope.snapshot.get()
    return scope


def forget_scopes(info: Info) -> None:
    """Let go of what was read before a change."""
    for key in [key for key, value in info.context.cache.items() if isinstance(value, Scope)]:
        del info.context.cache[key]


def cells(view: MessageView) -> list[Cell]:
    """The cells among a message's parts."""
    return [part.cell for part in view.parts if isinstance(part, CellPart)]
