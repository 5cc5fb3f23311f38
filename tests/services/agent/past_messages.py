"""Messages that were said before."""

from dataclasses import dataclass

from pybot.services.records import Message, MessageRole, MessageStatus, Part, TextPart
from pybot.services.values.instants import now


@dataclass(frozen=True)
class Past:
    """A message with its parts."""

    message: Message
    parts: tuple[Part, ...] = ()


def asked(text: str) -> Past:
    """A user's message."""
    message = Message(
        id="c.question",
        role=MessageRole.USER,
        status=MessageStatus.COMPLETED,
        created_at=now(),
    )
    return Past(message, (TextPart(index=0, text=text),))


def answered(*parts: Part) -> Past:
    """An assistant's message."""
    message = Message(
        id="c.earlier",
        role=MessageRole.ASSISTANT,
        status=MessageStatus.COMPLETED,
        created_at=now(),
    )
    return Past(message, parts)
