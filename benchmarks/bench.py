"""What a scenario is given: the running lab, a session, and how thorough to be."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import aiohttp

from benchmarks.client import RelayUser, User
from benchmarks.lab import Lab
from benchmarks.table import Row


@dataclass(frozen=True)
class Bench:
    """One run of the benchmarks. `full` asks for the whole list and longer rounds."""

    lab: Lab
    session: aiohttp.ClientSession
    full: bool

    @property
    def rounds(self) -> int:
        """How often each side is measured, in turn."""
        return 5 if self.full else 3

    def user(self, name: str) -> User:
        """A user of Pybot."""
        return User(self.session, self.lab.url, name)

    def relay_user(self) -> RelayUser:
        """A reader of the relay."""
        return RelayUser(self.session, self.lab.relay_url)


Scenario = Callable[[Bench], Awaitable[Sequence[Row]]]
