"""Logs: one line per event, as `key=value`, with the run and the viewer it is about.

    time=2026-03-01T12:00:00.000Z level=INFO logger=pybot.runs run=4f… viewer=9a… event="run ended"

Never log the text of messages at INFO: log IDs, counts and durations.
"""

import json
import logging
import math
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

REPEAT_AFTER = 60.0  # seconds
MOST_REMEMBERED = 1000

_PLAIN = re.compile(r"[\w./:+-]+")
_fields: ContextVar[Mapping[str, str]] = ContextVar("log_fields", default={})  # noqa: B039 (never changed)


@contextmanager
def log_fields(**fields: str) -> Generator[None]:
    """Put fields on every line logged inside: `with log_fields(run=run_id, viewer=viewer_key):`.

    Tasks started inside carry them too. `viewer` is the hashed key of the user, never the name.
    """
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)


class LineFormatter(logging.Formatter):
    """Writes a record on exactly one line, its traceback included."""

    def format(self, record: logging.LogRecord) -> str:
        """Order: when, how bad, where from, what it is about, what happened."""
        fields = {
            "time": _timestamp(record.created),
            "level": record.levelname,
            "logger": record.name,
            **_fields.get(),
            "event": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return " ".join(f"{key}={_quote(value)}" for key, value in fields.items())


class _Repeats(logging.Filter):
    """Leaves out a warning that was logged with the same text less than a minute ago.

    While a back end is away, each retry of each waiting task would log one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        if record.levelno != logging.WARNING:
            return True
        words = f"{record.name} {_fields.get()} {record.getMessage()}"
        if record.created - self._said.get(words, -math.inf) < REPEAT_AFTER:
            return False
        if len(self._said) >= MOST_REMEMBERED:
            self._said.clear()
        self._said[words] = record.created
        return True


def configure_logging(level: str) -> None:
    """Send everything, uvicorn's lines too, to stderr in one form.

    `level` is Pybot's own; libraries log from WARNING on, unless it is DEBUG.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    handler.addFilter(_Repeats())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level if level in ("DEBUG", "ERROR") else "WARNING")
    logging.getLogger("pybot").setLevel(level)
    logging.captureWarnings(capture=True)


def _timestamp(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _quote(value: str) -> str:
    """A value as it is, or as a JSON string when it has blanks, quotes or "="."""
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
