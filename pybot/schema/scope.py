"""What objects of one conversation are read with, so that one answer is of one instant."""

from typing import TYPE_CHECKING

from pybot.context import Info
from pybot.services.conversations.snapshots import MessageView, Snapshot
from pybot.services.records import Cell, CellPart, Run, Viewer, conversation_of
from pybot.services.values.once import Once

if TYPE_CHECKING:
    from pybot.services.container import Services


class Scope:
    """Reads what belongs to one conversation as of one snapshot, which comes first.

    All that is read of a conversation was opened for the viewer by its snapshot.
    """

    def __init__(
        self, services: "Services", viewer: Viewer, conversation_id: str, *taken: Snapshot
    ) -> None:
        self.services = services
        self.viewer = viewer
        self.conversation_id = conversation_id
        self.snapshot = Once[Snapshot](self._open, *taken)

    async def _open(self) -> Snapshot:
        return await self.services.snapshots.open(self.viewer, self.conversation_id)

    async def run(self, run_id: str) -> Run:
        """A run. Raises NotFound."""
        return await self.services.snapshots.run(await self.snapshot.get(), run_id)

    async def message(self, message_id: str) -> MessageView:
        """A message with its parts. Raises NotFound."""
        return await self.services.messages.get(await self.snapshot.get(), message_id)

    async def cell(self, cell_id: str) -> Cell:
        """A cell with its outputs. Raises NotFound."""
        return await self.services.messages.cell(await self.snapshot.get(), cell_id)


def scope_of(info: Info, object_id: str) -> Scope:
    """The scope of an object's conversation in this operation (in this event)."""
    conversation_id = conversation_of(object_id)
    cache, key = info.context.cache, (Scope, conversation_id)
    if key not in cache:
        cache[key] = Scope(info.context.services, info.context.viewer, conversation_id)
    scope = cache[key]
    assert isinstance(scope, Scope)
    return scope


def scope_with(info: Info, snapshot: Snapshot) -> Scope:
    """A scope of its own for a snapshot that is at hand: just after a change, or of an event."""
    services, viewer = info.context.services, info.context.viewer
    return Scope(services, viewer, snapshot.conversation.id, snapshot)


def cells(view: MessageView) -> list[Cell]:
    """The cells among a message's parts."""
    return [part.cell for part in view.parts if isinstance(part, CellPart)]
