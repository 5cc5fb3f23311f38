"""Instants are UTC with millisecond precision; Redis has them as milliseconds since the epoch."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present instant, in milliseconds."""
    present = datetime.now(UTC)
    return present.replace(microsecond=present.microsecond // 1000 * 1000)


def milliseconds(instant: datetime) -> int:
    """An instant in milliseconds since the epoch."""
    return round(instant.timestamp() * 1000)


def instant(milliseconds: int) -> datetime:
    """The instant that a number of milliseconds since the epoch names."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def first_millisecond(instant: datetime) -> int:
    """The first whole millisecond since the epoch at or after an instant."""
    microseconds = round(instant.timestamp() * 1_000_000)
    return -(-microseconds // 1000)
