"""A worker as a process of its own, whose answers wait for a decision first: it can be killed."""

import asyncio

from pybot.config import Settings
from pybot.services.records import RunPhase
from tests.services.runs.conftest import ScriptedAnswers, opened_room


async def main() -> None:
    """Work until killed."""
    answers = ScriptedAnswers(suspend_for=RunPhase.AWAITING_APPROVAL)
    answers.gate.set()
    async with opened_room(Settings()) as room, room.worker(answers):
        print("ready", flush=True)  # noqa: T201 (for the process that started it)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
