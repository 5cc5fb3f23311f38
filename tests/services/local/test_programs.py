"""Programs that are started again when they end."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import pytest

from pybot.services.background.supervisor import Supervisor
from pybot.services.local import programs
from pybot.services.local.process import Child, Program, StackError
from pybot.services.local.programs import supervised
from tests.failures import bug, failures_logged, until_failed

# Says who it is, one line for each start.
WORKER = """
import os, time
with open("starts", "a") as starts:
    starts.write(f"{os.getpid()}\\n")
time.sleep(60)
"""


def worker(folder: Path, source: str = WORKER) -> Program:
    """A program that is ready once it has said who it is."""

    async def ready() -> bool:
        return bool(starts(folder))

    return Program("the worker", (sys.executable, "-c", source), folder / "log", ready, cwd=folder)


def starts(folder: Path) -> list[int]:
    """The process IDs of the worker so far."""
    path = folder / "starts"
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


async def starts_to(folder: Path, count: int) -> list[int]:
    """Wait for so many starts; the test's time limit ends the wait."""
    while True:
        if len(found := starts(folder)) >= count:
            return found
        await asyncio.sleep(0.01)


async def test_dead_program_is_reported_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A crash is a line in the log and a new process, not the end of everything."""
    monkeypatch.setattr(programs, "FIRST_PAUSE", 0.01)
    async with supervised([worker(tmp_path)], Supervisor()):
        [first] = await starts_to(tmp_path, 1)
        os.kill(first, signal.SIGKILL)
        _, second = await starts_to(tmp_path, 2)
        os.kill(second, 0)
    [report] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert report.getMessage() == "the worker ended (SIGKILL); it is started again in 0.01 s"
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


@pytest.mark.parametrize(
    ("stable_after", "pauses"), [(60.0, [0.01, 0.02, 0.03, 0.03]), (0.0, [0.01] * 4)]
)
async def test_pauses_grow_to_their_limit_until_a_program_ran_for_long(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    stable_after: float,
    pauses: list[float],
) -> None:
    monkeypatch.setattr(programs, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(programs, "LONGEST_PAUSE", 0.03)
    monkeypatch.setattr(programs, "STABLE_AFTER", stable_after)
    watching = Supervisor()
    async with supervised([worker(tmp_path)], watching):
        for count in range(1, 5):
            os.kill((await starts_to(tmp_path, count))[-1], signal.SIGKILL)
        await starts_to(tmp_path, 5)
    reports = [record.getMessage() for record in caplog.records if "again in" in record.msg]
    assert reports == [
        f"the worker ended (SIGKILL); it is started again in {pause:g} s" for pause in pauses
    ]
    assert [record.getMessage() for record in caplog.records if "runs again" in record.msg] == [
        "the worker runs again"
    ] * len(pauses)


async def test_failing_start_ends_the_others(tmp_path: Path) -> None:
    """When one does not start, none is left."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.mkdir()
    bad.mkdir()
    with pytest.raises(StackError, match=r"the worker ended \(exited with 5\)"):
        async with supervised([worker(good), worker(bad, "raise SystemExit(5)")], Supervisor()):
            pass
    for pid in starts(good):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_restart_that_the_system_refuses_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when there is no memory or disk for a moment."""
    monkeypatch.setattr(programs, "FIRST_PAUSE", 0.01)
    refusals = 2

    def child(program: Program) -> Child:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise BlockingIOError("no process to be had")
        return Child(program)

    watching = Supervisor()
    async with supervised([worker(tmp_path)], watching):
        [first] = await starts_to(tmp_path, 1)
        monkeypatch.setattr(programs, "Child", child)
        os.kill(first, signal.SIGKILL)
        await starts_to(tmp_path, 2)
        assert watching.failure == ""


async def test_watch_that_fails_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the program would never be started again, and nobody would know."""
    failures: list[str] = []
    monkeypatch.setattr(Child, "describe_end", bug)
    watching = Supervisor(failures.append)
    async with supervised([worker(tmp_path)], watching):
        [first] = await starts_to(tmp_path, 1)
        os.kill(first, signal.SIGKILL)
        await until_failed(watching)
    assert failures == ["the watch of the worker has failed: see the log"]
    assert failures_logged(caplog) == ["the watch of the worker has failed"]
