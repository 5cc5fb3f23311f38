"""Messages that were said before."""

from dataclasses import dataclass

from pybot.services.records import Message, MessageRole, MessageStatus, Part, TextPart
from pybot.services.values.instants import now


@dataclass(frozen=True)
class Said:
    """A message with its parts."""

    message: Message
    parts: tuple[Part, ...] = ()


def asked(text: str) -> Said:
    """A user's message."""
    message = Message(
        id="c.question",
        role=MessageRole.USER,
        status=MessageStatus.COMPLETED,
        created_at=now(),
    )
    return Said(message, (TextPart(index=0, text=text),))


def answered(*parts: Part) -> Said:
    """An assistant's message."""
    message = Message(
        id="c.earlier",
        role=MessageRole.ASSISTANT,
        status=MessageStatus.COMPLETED,
        created_at=now(),
    )
    return Said(message, parts)
