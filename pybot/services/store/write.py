"""One atomic write: requirements, commands and events, carried out by `write.lua`."""

import time
from dataclasses import dataclass, field
from enum import Enum
from importlib import resources
from typing import NamedTuple, Self

import msgspec

from pybot.services.records.events import Event, encode, joined
from pybot.services.store import keys

SCRIPT = resources.files("pybot.services.store").joinpath("write.lua").read_text()

# The same script for writes that free memory or end something: a full Redis carries them out too.
SCRIPT_WHEN_FULL = f"#!lua flags=allow-oom\n{SCRIPT}"


class Position(Enum):
    """A number in a log that is known only when the write is carried out."""

    FIRST_EVENT = "the number of the write's first event"


FIRST_EVENT = Position.FIRST_EVENT

# Commands are not packed so: they may hold bytes, which Redis's reader of MessagePack lacks.
pack = msgspec.msgpack.Encoder().encode

# How many numbers are left out where Redis may have lost entries: more than it can have lost.
SKIPPED_NUMBERS = 1 << 20

# Labels of refusals: Redis has lost entries; the conversation does not exist or was deleted.
LOST = "lost"
EXISTS = "exists"

Word = str | bytes | int
# The words of a Redis command, of which the second is its key; one may be a position.
Command = tuple[Word | Position, ...]


# What the scores of a sorted set's upper members have more: µs since 1970 stay below it until 2096,
# and the sums are exact in a double.
UPPER = 4_000_000_000_000_000


class Rank(NamedTuple):
    """Moves a member of a sorted set to a time in ms, after all with the same ms; never back.

    Upper members stand behind all others.
    """

    key: str
    member: str
    milliseconds: int
    offset: int


class Requirement(NamedTuple):
    """The answer that a command must give ("" for nil), else the write is refused as `label`."""

    label: str
    expected: str
    command: tuple[Word, ...]


class Refused(Exception):
    """A requirement was not met, and nothing was written: `label` names it."""

    def __init__(self, label: str, actual: str) -> None:
        super().__init__(f"{label}: found {actual!r}")
        self.label = label
        self.actual = actual


@dataclass(slots=True)
class Write:
    """Requirements, commands and events for the keys of one conversation, or of one viewer."""

    head: str
    log: str
    requirements: tuple[Requirement, ...] = ()
    commands: list[Command | Rank] = field(default_factory=list[Command | Rank])
    events: list[Event] = field(default_factory=list[Event])
    # The number of an entry that the writer knows to be in the log; without it the write is
    # refused as LOST.
    reached: int = 0
    skipped: int = 0
    # Whether it is carried out also when Redis has reached its limit of memory.
    when_full: bool = False

    @classmethod
    def to_conversation(cls, conversation_id: str) -> Self:
        """A write to a conversation that exists."""
        head = keys.conversation(conversation_id)
        write = cls(head, keys.log(conversation_id))
        return write.require(EXISTS, 0, "HGET", head, "deleted_at").require(
            EXISTS, conversation_id, "HGET", head, "pk"
        )

    @classmethod
    def new_conversation(cls, conversation_id: str) -> Self:
        """A write that creates a conversation."""
        head = keys.conversation(conversation_id)
        return cls(head, keys.log(conversation_id)).require("new", "0", "EXISTS", head)

    @classmethod
    def to_viewer(cls, viewer_key: str) -> Self:
        """A write to what belongs to a viewer rather than to one conversation."""
        return cls(keys.viewer(viewer_key), keys.viewer_log(viewer_key))

    def without_changes(self) -> Self:
        """A copy with the requirements alone."""
        return type(self)(self.head, self.log, self.requirements)

    def even_when_full(self) -> Self:
        """Carry it out also when Redis is full: it frees memory, or ends what would take more."""
        self.when_full = True
        return self

    def require(self, label: str, expected: str | int, *command: Word) -> Self:
        """Refuse the write unless `command` answers `expected` ("" for nil)."""
        self.requirements += (Requirement(label, str(expected), command),)
        return self

    def do(self, *command: Word | Position) -> Self:
        """Carry out a Redis command; its second word is its key."""
        self.commands.append(command)
        return self

    def rank(self, key: str, member: str, milliseconds: int, *, is_upper: bool = False) -> Self:
        """Move a member of a sorted set to a time in ms, after all members of that ms.

        Upper members come behind all others. Scores are in µs and no two are the same. A member
        that has that ms or a later one stays where it is.
        """
        self.commands.append(Rank(key, member, milliseconds, UPPER if is_upper else 0))
        return self

    def emit(self, *events: Event) -> Self:
        """Append events to the log."""
        self.events.extend(events)
        return self

    def fenced(self, run_id: str, attempt: int) -> Self:
        """Refuse the write unless `attempt` is the run's newest."""
        return self.require("fence", attempt, "HGET", keys.run(run_id), "attempt")

    def skipping_numbers(self) -> Self:
        """Leave numbers out, so that none is used again that Redis has given and lost."""
        self.skipped = SKIPPED_NUMBERS
        return self

    def absorb(self, later: "Write") -> bool:
        """Merge a later write into this one, if both only append to one log alike; whether it did.

        Neighbouring deltas of one text become one event, so that a busy process writes fewer,
        larger entries.
        """
        same = self.head == later.head and self.requirements == later.requirements
        if not same or self.commands or later.commands or self.when_full or later.when_full:
            return False
        self.reached = max(self.reached, later.reached)
        for event in later.events:
            merged = joined(self.events[-1], event) if self.events else None
            if merged is None:
                self.events.append(event)
            else:
                self.events[-1] = merged
        return True

    @property
    def script(self) -> str:
        """The source of the script that carries it out."""
        return SCRIPT_WHEN_FULL if self.when_full else SCRIPT

    def keys(self) -> list[str]:
        """The keys that the write names, which EVALSHA must be given."""
        named = [str(requirement.command[1]) for requirement in self.requirements]
        named += [
            command.key if isinstance(command, Rank) else str(command[1])
            for command in self.commands
        ]
        return list(dict.fromkeys([self.head, self.log, *named]))

    def arguments(self, retention: int, listeners: int) -> list[Word]:
        """The script's arguments; `retention` in seconds.

        Entries are published unless the log's only listeners are these, which hear from the
        appender.
        """
        requirements = [(each.expected, each.command) for each in self.requirements]
        shapes = [_shape(command) for command in self.commands]
        facts = (int(time.time() * 1000), retention, listeners, self.reached, self.skipped)
        words: list[Word] = [pack((*facts, requirements, shapes))]
        for command in self.commands:
            words += ["" if isinstance(word, Position) else word for word in command]
        words += map(encode, self.events)
        return words

    def answered(self, answer: list[int | bytes]) -> int:
        """The number of the last event, from the script's answer; raises Refused."""
        if answer[0] == 1:
            return int(answer[1])
        index = int(answer[1])
        label = LOST if index < 0 else self.requirements[index].label
        actual = answer[2]
        raise Refused(label, actual.decode() if isinstance(actual, bytes) else str(actual))


def _shape(command: Command | Rank) -> tuple[str, int, int]:
    """The kind of a command, how many words it has, and which is the first event's number.

    Words are counted from 1; 0 means that none is.
    """
    if isinstance(command, Rank):
        return "rank", len(command), 0
    number_at = command.index(FIRST_EVENT) + 1 if FIRST_EVENT in command else 0
    return "call", len(command), number_at
