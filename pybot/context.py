"""What resolvers receive: who asks, the services, and a place to keep things for one operation."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import strawberry
from starlette.requests import HTTPConnection

from pybot.services.records import Viewer

if TYPE_CHECKING:
    from pybot.services.container import Services


@dataclass(frozen=True, slots=True)
class Context:
    """The context of one operation; in a subscription `cache` is emptied after each event."""

    viewer: Viewer
    services: "Services"
    cache: dict[object, Any] = field(default_factory=dict[object, Any])

    def for_operation(self) -> Self:
        """A context of the same connection with nothing kept yet."""
        return type(self)(self.viewer, self.services)

    def forget(self) -> None:
        """Drop what was kept: the next event is another moment."""
        self.cache.clear()


Info = strawberry.Info[Context, None]


def context_of(connection: HTTPConnection) -> Context:
    """The context of a request or a WebSocket.

    `auth.RequireIdentity` has set `state.viewer`; the application's lifespan yields `services`.
    """
    return Context(viewer=connection.state.viewer, services=connection.state.services)


def viewer_key(connection: HTTPConnection) -> str:
    """Whose WebSockets count together."""
    viewer: Viewer = connection.state.viewer
    return viewer.key
