"""Runs that wait for a decision, as the tests of suspension begin with."""

import asyncio
import time

from pybot.services.agent.ports import Decision
from pybot.services.records import Run, RunPhase
from pybot.services.store import keys
from tests.services.runs.conftest import Room, ScriptedAnswers

YES = Decision(text="yes")


def suspending(phase: RunPhase = RunPhase.AWAITING_APPROVAL) -> ScriptedAnswers:
    """Answers that wait for a decision first, and are complete then."""
    answers = ScriptedAnswers(suspend_for=phase)
    answers.gate.set()
    return answers


async def suspended(room: Room, phase: RunPhase = RunPhase.AWAITING_APPROVAL) -> Run:
    """A run that waits; its worker has stopped since."""
    run = await room.send()
    async with room.worker(suspending(phase)):
        await until_suspended(room, run)
    return run


async def until_suspended(room: Room, run: Run) -> None:
    """Wait until a run waits, and everything around it is written."""
    client = room.services.client

    async def waits() -> bool:
        after = await room.noted(run.id) or 0
        return after > time.time() * 1000 and not await client.exists(keys.lease(run.id))

    async with asyncio.timeout(30):
        while not await waits():  # noqa: ASYNC110 (Redis has it)
            await asyncio.sleep(0.01)
