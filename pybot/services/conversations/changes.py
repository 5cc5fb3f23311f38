"""Changes of a conversation's metadata: one atomic write, published in both logs."""

from collections.abc import Awaitable, Callable

from msgspec import Struct
from msgspec.structs import replace

from pybot.errors import Conflict, NotFound
from pybot.services.conversations.gate import NO_CONVERSATION, Gate, Opened
from pybot.services.conversations.snapshots import Snapshot, Snapshots
from pybot.services.conversations.viewerlog import ViewerLog
from pybot.services.records import Run, Viewer
from pybot.services.records.events import ConversationChanged, RunChanged
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.store.write import EXISTS, Refused, Word, Write

MAX_ATTEMPTS = 20
# The label of the requirement that what was read has not changed.
SAME = "same"

# Adds commands and events to the write of a change, and gives the active run after it. It may set
# more fields, and raise when the conversation does not allow the change.
Extend = Callable[[Opened, Write, dict[str, Word]], Awaitable[Run | None]]


class Change(Struct, frozen=True):
    """A conversation just after a change, and the cursor just before it."""

    snapshot: Snapshot
    before: int


class Changes:
    """Changes conversations that exist."""

    def __init__(
        self, gate: Gate, snapshots: Snapshots, appender: Appender, viewerlog: ViewerLog
    ) -> None:
        self._gate = gate
        self._snapshots = snapshots
        self._appender = appender
        self._viewerlog = viewerlog

    async def make(
        self,
        viewer: Viewer,
        conversation_id: str,
        fields: dict[str, Word],
        extend: Extend | None = None,
    ) -> Change:
        """Set fields of a conversation, and publish ConversationChanged in both logs.

        A RunChanged that `extend` emits goes to the viewer's log in the same write.

        `extend` adds to the same write. When what was read has changed meanwhile, everything is
        tried again, `extend` too. Raises NotFound, Conflict after MAX_ATTEMPTS, what `extend`
        raises, and Refused for requirements that it added.
        """
        head = keys.conversation(conversation_id)
        for _ in range(MAX_ATTEMPTS):
            opened = await self._gate.open(viewer, conversation_id)
            write, changed, run = _unchanged(opened), dict(fields), opened.run
            if extend is not None:
                run = await extend(opened, write, changed)
            if "updated_at" in changed:
                # The list is ordered by it, also where the clocks of two servers differ.
                changed["updated_at"] = max(
                    int(changed["updated_at"]), opened.stored.updated_at + 1
                )
            after = opened.stored.model_copy(update=changed).record()
            event = ConversationChanged(after, run, opened.kernel)
            flat = [word for change in changed.items() for word in change]
            write.do("HSET", head, *flat).do("HINCRBY", head, "version", 1).emit(event)
            try:
                last = await self._appender.append(write)
            except Refused as refused:
                if refused.label == SAME:
                    continue
                if refused.label == EXISTS:
                    raise NotFound(NO_CONVERSATION, ("conversationId",)) from None
                raise
            runs = [each for each in write.events if isinstance(each, RunChanged)]
            await self._viewerlog.append(viewer, replace(event, cursor=last), *runs)
            return Change(self._snapshots.as_of(event, last), last - len(write.events))
        raise Conflict("The conversation is being changed by others. Try again.")


def _unchanged(opened: Opened) -> Write:
    """A write that requires that all that ConversationChanged will say is still true."""
    conversation_id, run = opened.conversation.id, opened.run
    write = Write.to_conversation(conversation_id)
    write.require(SAME, opened.stored.version, "HGET", write.head, "version")
    write.require(SAME, opened.kernel_json, "GET", keys.kernel(conversation_id))
    if run is not None:
        key = keys.run(run.id)
        write.require(SAME, run.status, "HGET", key, "status")
        write.require(SAME, run.phase or "", "HGET", key, "phase")
        write.require(SAME, run.attempt, "HGET", key, "attempt")
    return write
