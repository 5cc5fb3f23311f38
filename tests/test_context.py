"""The cache of a context, and how long it lasts."""

from types import SimpleNamespace
from typing import Any, cast

from starlette.requests import HTTPConnection

from pybot.context import Context, context_of, viewer_key
from pybot.endpoint.schema import OperationScoped
from pybot.services.records import Viewer

ALICE = Viewer(username="alice")
HEADERS = [(b"last-event-id", b"7")]


def connection(services: Any) -> HTTPConnection:
    """A connection as middleware and lifespan leave it."""
    state = {"viewer": ALICE, "services": services}
    return HTTPConnection({"type": "http", "headers": HEADERS, "state": state})


def test_context_has_the_viewer_and_the_services() -> None:
    services = SimpleNamespace()
    context = context_of(connection(services))
    assert context.viewer is ALICE
    assert cast("Any", context.services) is services
    assert context.last_event_id == "7"


def test_operations_of_a_connection_share_nothing_but_that() -> None:
    context = context_of(connection(SimpleNamespace()))
    context.cache["x"] = 1
    other = context.for_operation()
    assert (other.viewer, other.services) == (context.viewer, context.services)
    assert other.cache == {}
    assert context.cache == {"x": 1}


def test_cache_is_empty_after_an_event() -> None:
    context = Context(ALICE, cast("Any", SimpleNamespace()))
    assert isinstance(context, OperationScoped)
    context.cache["x"] = 1
    context.clear_cache()
    assert context.cache == {}


def test_sockets_count_by_viewer() -> None:
    assert viewer_key(connection(None)) == ALICE.key
