"""Types that the endpoint's parts share."""

from collections.abc import Callable
from typing import TypeVar

from starlette.requests import HTTPConnection

ContextT = TypeVar("ContextT")

# Makes the context of a request, or of a WebSocket, from its connection.
ContextFactory = Callable[[HTTPConnection], ContextT]
