"""Log lines: one per event, with what they are about."""

import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator

import pytest

from pybot import logs
from pybot.logs import configure_logging, log_fields


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the log says, in a process whose logging is put back afterwards."""
    root, said = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(sys, "stderr", said)
    configure_logging("INFO")
    yield said
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level
    logging.getLogger("pybot").setLevel(logging.NOTSET)


def test_line_names_what_it_is_about(lines: io.StringIO) -> None:
    """Run and viewer stand on every line logged inside, and on none after."""
    logger = logging.getLogger("pybot.services.runs")
    with log_fields(viewer="v1"), log_fields(run="r1"):
        logger.info("run ended after %d ms", 12)
    logger.info("idle")
    inside, after = lines.getvalue().splitlines()
    assert inside.startswith("time=20")
    assert inside.endswith(
        'level=INFO logger=pybot.services.runs viewer=v1 run=r1 event="run ended after 12 ms"'
    )
    assert after.endswith("logger=pybot.services.runs event=idle")


def test_traceback_stays_on_the_line(lines: io.StringIO) -> None:
    """One event is one line, also for what has many."""
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("pybot").exception('said "no"\n')
    [line] = lines.getvalue().splitlines()
    assert 'event="said \\"no\\"\\n"' in line
    traceback = json.loads(line.partition("traceback=")[2])
    assert traceback.startswith("Traceback")
    assert traceback.endswith("ValueError: two\nlines")


def test_libraries_are_quiet_and_warnings_logged(lines: io.StringIO) -> None:
    """uvicorn and the others speak from WARNING on, in the same form."""
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("uvicorn.error").warning("busy")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", stacklevel=1)
    first, *rest = lines.getvalue().splitlines()
    assert first.endswith("level=WARNING logger=uvicorn.error event=busy")
    assert len(rest) == 1
    assert "logger=py.warnings" in rest[0]


def test_warning_that_repeats_is_logged_once_a_minute(
    lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is about another run, or in other words, is another warning."""
    logger = logging.getLogger("pybot.services.runs.worker")
    for _ in range(3):
        logger.warning("Redis is away: %d", 1)
        logger.info("tried")
    with log_fields(run="r1"):
        logger.warning("Redis is away: %d", 1)
    logger.warning("Redis is away: %d", 2)
    assert lines.getvalue().count("Redis is away") == 3
    assert lines.getvalue().count("tried") == 3
    monkeypatch.setattr(logs, "REPEAT_AFTER", 0.0)
    logger.warning("Redis is away: %d", 1)
    assert lines.getvalue().count("Redis is away") == 4
