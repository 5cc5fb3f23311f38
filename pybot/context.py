"""What resolvers receive: the viewer, the services, and a cache for one operation."""

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
        """A context of the same connection with an empty cache."""
        return type(self)(self.viewer, self.services, self.last_event_id)

    def clear_cache(self) -> None:
        """Empty the cache: the next event is read as of another cursor."""
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
    """The key by which the WebSockets and event streams of one user count together."""
    viewer: Viewer = connection.state.viewer
    return viewer.key


def _last_event_id(connection: HTTPConnection) -> str | None:
    """The header `Last-Event-ID` of a request; a WebSocket has many operations, and none."""
    if connection.scope["type"] != "http":
        return None
    return ", ".join(connection.headers.getlist("last-event-id")) or None
