"""What Pybot uses of Strawberry 0.341 beside its documented interface, all in one place.

The rest of Pybot imports these names from here: ruff refuses to import them from Strawberry
(`banned-api` in `pyproject.toml`).

- `graphql_schema`: Strawberry gives graphql-core's schema under a private name only. It is printed,
  validated against and given its description. `tests/test_schema_file.py` notices a change.
- `Executor`: the executor to which `upstream_graphql.EventExecutor` adds a shorter way for events.
  `attribute_of` says which fields need no resolver. `tests/endpoint/test_compiled.py`.
- `is_one_of`, `StrawberryInputCoercionError`: Strawberry checks `@oneOf` itself, and graphql-core's
  types do not know of it. `tests/wire/test_wording.py`.
- `StreamResult`, `PreExecutionError`, `OperationType`: types in the signatures of
  `Schema.execute` and `Schema.stream`, which `schema.HardenedSchema` overrides. An operation that
  was refused before it ran gives a `PreExecutionError`. `tests/endpoint/test_http.py`.
- `TransportWSHandler`, `Operation` and its messages: `transport_ws.TransportHandler` overrides
  `handle_message` and `run_operation`, so that the socket outlives an operation that fails.
  `tests/endpoint/test_transport_ws.py`.
- `GraphQL`, `WebSocketAdapter` and its exceptions: `sockets.SocketView` and `adapter.SocketAdapter`
  override how sockets are accepted, read, written and closed, since upstream waits without limits.
  `tests/endpoint/test_sockets.py`.
- `is_same_origin`, `normalize_origin`, `normalize_allowed_origins`: the comparison of origins that
  upstream makes for its own sockets. `tests/endpoint/test_http.py`.
"""

from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLInputObjectType, GraphQLSchema
from strawberry.asgi import ASGIWebSocketAdapter as WebSocketAdapter
from strawberry.asgi import GraphQL
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.http.async_base_view import AsyncBaseHTTPView
from strawberry.http.exceptions import (
    NonJsonMessageReceived,
    NonTextMessageReceived,
    WebSocketDisconnected,
)
from strawberry.http.websocket_origin import (
    is_same_origin,
    normalize_allowed_origins,
    normalize_origin,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Executor
from strawberry.schema.schema import StreamResult
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler as TransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import Operation
from strawberry.subscriptions.protocols.graphql_transport_ws.types import CompleteMessage, Message
from strawberry.types.execution import PreExecutionError
from strawberry.types.field import StrawberryField
from strawberry.types.graphql import OperationType

__all__ = [
    "AnyView",
    "CompleteMessage",
    "Executor",
    "GraphQL",
    "Message",
    "NonJsonMessageReceived",
    "NonTextMessageReceived",
    "Operation",
    "OperationType",
    "PreExecutionError",
    "StrawberryInputCoercionError",
    "StreamResult",
    "TransportWSHandler",
    "WebSocketAdapter",
    "WebSocketDisconnected",
    "attribute_of",
    "graphql_schema",
    "is_one_of",
    "is_same_origin",
    "normalize_allowed_origins",
    "normalize_origin",
]

# What an adapter is given as its view.
AnyView = AsyncBaseHTTPView[Any, Any, Any, Any, Any, Any, Any]

# Under this name Strawberry's definition is among the extensions of graphql-core's.
_DEFINITION = "strawberry-definition"


def graphql_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Return graphql-core's schema of one that Strawberry has built."""
    return schema._schema  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def attribute_of(field: GraphQLField) -> str | None:
    """Return the attribute that a field gives as it is; None when code decides on its value."""
    source = field.extensions.get(_DEFINITION)
    if not isinstance(source, StrawberryField):
        return None
    if source.base_resolver or source.extensions or source.permission_classes:
        return None
    return source.python_name


def is_one_of(kind: GraphQLInputObjectType) -> bool:
    """Return whether an input type is `@oneOf`."""
    return bool(getattr(kind.extensions.get(_DEFINITION), "is_one_of", kind.is_one_of))
