"""Turns for others, in loops that would never wait by themselves."""

import asyncio

_RESULTS = 16  # in one turn


class Turns:
    """Lets other tasks run after so many results in a row.

    A stream that catches up has all its results at hand and waits for nothing, not even for a
    client that reads fast.
    """

    def __init__(self) -> None:
        self._taken = 0

    async def take(self) -> None:
        """Count a result, and end the turn when there were enough."""
        self._taken += 1
        if self._taken % _RESULTS == 0:
            await asyncio.sleep(0)
