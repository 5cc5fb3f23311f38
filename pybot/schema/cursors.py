"""Cursors of the event logs: opaque to clients, and tagged with the log that they belong to."""

import contextlib
from base64 import urlsafe_b64decode, urlsafe_b64encode

from pybot.errors import CursorExpired, InvalidInput

# The log of the viewer who asks.
VIEWER = "viewer"

# What 0.1.0 gave for any conversation's log; pages that were opened with it still hold such ones.
_FORMER = "conversation"
# Characters; our cursors have less than half of that.
_MAX_LENGTH = 256


def log_of(conversation_id: str) -> str:
    """The log of a conversation."""
    return f"conversation:{conversation_id}"


def encode(log: str, seq: int) -> str:
    """The cursor of the entry `seq` of a log; 0 stands before the first."""
    return urlsafe_b64encode(f"{log}:{seq}".encode()).decode().rstrip("=")


def decode(log: str, cursor: str) -> int:
    """The number of an entry. Raises InvalidInput for anything but a cursor of this log."""
    given_by, seq = _parsed(cursor)
    if given_by == log:
        return seq
    if given_by == _FORMER and log != VIEWER:
        message = "This cursor is an earlier release's: query the snapshot again."
        raise CursorExpired(message, ("after",))
    raise InvalidInput(_mismatch(log, given_by), ("after",))


def _parsed(cursor: str) -> tuple[str, int]:
    """The log and the place that a cursor names; ("", 0) for what `encode` never gave."""
    text = ""
    if len(cursor) <= _MAX_LENGTH:
        with contextlib.suppress(ValueError):  # no ASCII, no base64, no UTF-8
            padded = cursor + "=" * (-len(cursor) % 4)
            text = urlsafe_b64decode(padded.encode("ascii")).decode("ascii")
    log, _, digits = text.rpartition(":")
    if not digits.isdecimal() or len(digits) > 18 or encode(log, int(digits)) != cursor:
        return "", 0
    return log, int(digits)


def _mismatch(log: str, given_by: str) -> str:
    """What to say to a cursor that is not the log's."""
    wanted = "viewerEvents" if log == VIEWER else "conversationEvents"
    if given_by == VIEWER:
        return f"This cursor was given by `viewerEvents`, not `{wanted}`."
    if not given_by.startswith(log_of("")):
        return "`after` is not a cursor that the API gave."
    if log == VIEWER:
        return f"This cursor was given by `conversationEvents`, not `{wanted}`."
    return "This cursor was given by another conversation."
