"""Runs the programs of the local stack: starts them together, restarts them, ends them together."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from pybot.services.background.supervisor import Supervisor
from pybot.services.background.tasks import cancel_and_wait
from pybot.services.local.process import Child, Program, StackError

logger = logging.getLogger(__name__)

FIRST_PAUSE = 0.5  # seconds before a program that ended is started again …
LONGEST_PAUSE = 30.0  # … twice as long each time, up to this
STABLE_AFTER = 60.0  # seconds of running after which the pauses are reset


class _RunningProgram:
    """One program, which is started again whenever it ends."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.child = Child(program)

    async def watch(self) -> None:
        """Start it again whenever it ends, until cancelled."""
        pause = FIRST_PAUSE
        while True:
            since = time.monotonic()
            await self.child.wait()
            if time.monotonic() - since > STABLE_AFTER:
                pause = FIRST_PAUSE
            logger.error(
                "%s %s; it is started again in %g s",
                self.program.name,
                self.child.describe_end(),
                pause,
            )
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            await self._restart()

    async def _restart(self) -> None:
        self.child.kill()  # what is left of its process group
        try:
            self.child = Child(self.program)
            await self.child.wait_ready()
        except (StackError, OSError) as error:  # OSError: no process or no file can be had now
            logger.error("%s", error)
            self.child.kill()
        else:
            logger.warning("%s runs again", self.program.name)


@asynccontextmanager
async def supervised(programs: Sequence[Program], supervisor: Supervisor) -> AsyncGenerator[None]:
    """Run the programs for as long as the block lasts.

    Starts them side by side and waits until each answers; StackError when one does not. One that
    ends later is reported and started again, with growing pauses.
    """
    running: list[_RunningProgram] = []
    watches: list[asyncio.Task[None]] = []
    try:
        for program in programs:
            # Not at once: each must be stopped when the next one fails to start.
            running.append(_RunningProgram(program))  # noqa: PERF401
        await _all_ready([each.child for each in running])
        watches += [
            supervisor.start(each.watch(), f"watch of {each.program.name}") for each in running
        ]
        yield
    finally:
        await cancel_and_wait(*watches)
        await asyncio.gather(*(each.child.stop() for each in running))


async def _all_ready(children: Sequence[Child]) -> None:
    """Wait until all are ready; raises the error of the first that is not."""
    try:
        async with asyncio.TaskGroup() as group:
            for child in children:
                group.create_task(child.wait_ready())
    except* StackError as failed:
        raise failed.exceptions[0] from None
