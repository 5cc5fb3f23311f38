"""Snapshots: a conversation exactly as of a cursor, from which a client can follow its log.

Metadata, active run and kernel are read at one instant and at constant cost; the message that the
run writes is folded from the log, up to that cursor, when it is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aredis_om import NotFoundError
from msgspec import Struct

from pybot.errors import NotFound
from pybot.services.conversations.eventlog import EventLog
from pybot.services.conversations.gate import Gate, Opened
from pybot.services.records import (
    Conversation,
    Kernel,
    Message,
    Part,
    Run,
    Viewer,
    conversation_of,
)
from pybot.services.records.events import ConversationChanged
from pybot.services.records.fold import Fold
from pybot.services.store.hashes import Hashes
from pybot.services.values.once import Once

NO_RUN = "There is no run with this ID."


class MessageView(Struct, frozen=True):
    """A message with its parts, its place among its versions (from 0) and how many these are.

    All of it is as of the event with the number `cursor`.
    """

    message: Message
    parts: tuple[Part, ...]
    cursor: int
    version_index: int = 0
    version_count: int = 1


@dataclass(frozen=True)
class Snapshot:
    """A conversation as of the event number `cursor`.

    `run` is the active run; `answer` the message that it writes, None without a run.
    """

    conversation: Conversation
    cursor: int
    run: Run | None
    kernel: Kernel | None
    answer: Once[MessageView | None]


class Snapshots:
    """Takes snapshots of conversations."""

    def __init__(self, gate: Gate, hashes: Hashes, log: EventLog) -> None:
        self._gate = gate
        self._hashes = hashes
        self._log = log

    async def open(self, viewer: Viewer, conversation_id: str) -> Snapshot:
        """A conversation of the viewer's as it is now; raises NotFound."""
        return self.of(await self._gate.open(viewer, conversation_id))

    async def open_each(
        self, viewer: Viewer, conversation_ids: Sequence[str]
    ) -> list[Snapshot | None]:
        """Several conversations; None for those that do not exist or are not the viewer's."""
        opened = await self._gate.open_each(viewer, conversation_ids)
        return [self.of(each) if each else None for each in opened]

    def as_of(self, event: ConversationChanged, cursor: int) -> Snapshot:
        """A conversation as it was after an event with number `cursor`."""
        return self._snapshot(event.conversation, cursor, event.run, event.kernel)

    async def run(self, snapshot: Snapshot, run_id: str) -> Run:
        """A run of the conversation; raises NotFound."""
        if snapshot.run is not None and snapshot.run.id == run_id:
            return snapshot.run
        if conversation_of(run_id) != snapshot.conversation.id:
            raise NotFound(NO_RUN, ("runId",))
        try:
            return (await self._hashes.run.get(run_id)).record()
        except NotFoundError:
            raise NotFound(NO_RUN, ("runId",)) from None

    async def first_event(self, run: Run) -> int:
        """The number of a run's first event, which a record out of an event may not have yet."""
        return run.first_seq or (await self._hashes.run.get(run.id)).first_seq

    async def folded(self, message: Message, until: int) -> tuple[Part, ...]:
        """The parts that an assistant's message had after the event with number `until`."""
        try:
            run = (await self._hashes.run.get(message.run_id)).record()
        except NotFoundError:
            return ()
        return (await self._fold(run, until)).parts(message.id)

    def of(self, opened: Opened) -> Snapshot:
        """The snapshot of an opened conversation."""
        return self._snapshot(opened.conversation, opened.cursor, opened.run, opened.kernel)

    def _snapshot(
        self, conversation: Conversation, cursor: int, run: Run | None, kernel: Kernel | None
    ) -> Snapshot:
        async def answer() -> MessageView | None:
            return None if run is None else await self._answer(run, cursor)

        return Snapshot(conversation, cursor, run, kernel, Once(answer))

    async def _answer(self, run: Run, until: int) -> MessageView | None:
        """What a run had written after the event with number `until`."""
        fold = await self._fold(run, until)
        message = fold.message(run.message_id)
        return None if message is None else MessageView(message, fold.parts(message.id), until)

    async def _fold(self, run: Run, until: int) -> Fold:
        """The log since a run began, up to and with the event `until`."""
        first = await self.first_event(run)
        fold = Fold()
        for entry in await self._log.between(conversation_of(run.id), first - 1, until):
            fold.apply(entry.event)
        return fold
