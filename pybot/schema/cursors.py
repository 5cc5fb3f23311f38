"""Cursors of the event logs: opaque to clients, and tagged with the log that they belong to."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Literal

from pybot.errors import InvalidInput

Log = Literal["conversation", "viewer"]


def encode(log: Log, seq: int) -> str:
    """The cursor of the entry `seq` of a log; 0 stands before the first."""
    return urlsafe_b64encode(f"{log}:{seq}".encode()).decode().rstrip("=")


def decode(log: Log, cursor: str) -> int:
    """The place in the log; InvalidInput when it is no cursor, or one of the other log."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        tag, _, digits = urlsafe_b64decode(padded.encode("ascii")).decode("ascii").partition(":")
        seq = int(digits) if digits.isdecimal() and len(digits) <= 18 else -1
    except ValueError:
        tag, seq = "", -1
    if tag in ("conversation", "viewer") and tag != log and seq >= 0:
        raise InvalidInput(
            f"This cursor was given by `{tag}Events`, not `{log}Events`.", ("after",)
        )
    if tag != log or seq < 0 or encode(log, seq) != cursor:
        raise InvalidInput("`after` is not a cursor that the API gave.", ("after",))
    return seq
