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
    """The context of one operation; in a subscription `cache` is emptied after each event.

    `last_event_id` is the cursor that a client of an event stream sends when it connects again.
    """

    viewer: Viewer
    services: "Services"
    last_event_id: str | None = None
    cache: dict[object, Any] = field(default_factory=dict[object, Any])

    def for_operation(self) -> Self:
        """A context of the same connection with nothing kept yet."""
        return type(self)(self.viewer, self.services, self.last_event_id)

    def forget(self) -> None:
        """Drop what was kept: the next event is another moment."""
        self.cache.clear()


Info = strawberry.Info[Context, None]


def context_of(connection: HTTPConnection) -> Context:
    """The context of a request or a WebSocket.

    `auth.RequireIdentity` has set `state.viewer`; the application's lifespan yields `services`.
    """
    return Context(
        viewer=connection.state.viewer,
        services=connection.state.services,
        last_event_id=_last_event_id(connection),
    )


def viewer_key(connection: HTTPConnection) -> str:
    """Whose WebSockets and event streams count together."""
    viewer: Viewer = connection.state.viewer
    return viewer.key


def _last_event_id(connection: HTTPConnection) -> str | None:
    """The header `Last-Event-ID` of a request; a WebSocket has many operations, and none."""
    if connection.scope["type"] != "http":
        return None
    return ", ".join(connection.headers.getlist("last-event-id")) or None
