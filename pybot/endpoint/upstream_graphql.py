"""What Pybot uses of graphql-core 3.3 beside its documented interface, all in one place.

- `EventExecutor`, `selection_of`: graphql-core executes the whole operation anew for each event of
  a subscription; here the result of an event may be given instead. They override
  `Executor.build_per_event_executor`, and use `collect_fields` as it does.
  `tests/endpoint/test_compiled.py` notices a change.
- `is_about_tokens`, `in_words_of_graphql`: graphql-core has no codes for its errors, only texts.
  `tests/endpoint/test_limits.py` and `tests/endpoint/test_masking.py` notice a change.
"""

import re
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLObjectType,
    OperationType,
    get_named_type,
)
from graphql.execution import ExecutionResult
from graphql.execution.collect_fields import collect_fields
from msgspec import Struct

from pybot.endpoint.upstream_strawberry import Executor

# What graphql-core says of Python's values and of its own classes, in GraphQL's words.
_WORDS = (
    (re.compile(r"\bnot to be None\b"), "not to be null"),
    (re.compile(r"^OneOf Input Object '(\w+)' must .*"), r"`\1` takes exactly one of its fields."),
)


class EventExecutor(Executor):
    """Executes an operation. Subclasses may give the results of a subscription's events."""

    def event_data(self, event: object) -> dict[str, Any] | None:  # noqa: ARG002 (subclasses do)
        """Return the data of an event's result; None when the event is to be executed."""
        return None

    def build_per_event_executor(self, payload: object) -> Any:
        """Return what executes one event: an executor, or a result in its place."""
        data = self.event_data(payload)
        if data is None:
            return super().build_per_event_executor(payload)  # pyright: ignore[reportUnknownVariableType]
        return _Executed(ExecutionResult(data, None))


class _Executed(Struct, frozen=True):
    """In place of an executor: the result is there."""

    result: ExecutionResult

    def execute_operation(self, serially: bool | None = None) -> ExecutionResult:  # noqa: ARG002
        return self.result


class Selection(NamedTuple):
    """What a subscription selects of one type of event: a node for each response key.

    `key` is the response key of the subscription's own field.
    """

    key: str
    nodes: dict[str, FieldNode]


def selection_of(executor: Executor, object_type: GraphQLObjectType) -> Selection | None:
    """Return what a subscription selects of a type of event.

    None where only execution knows: the type is none of the subscription's, middlewares watch the
    fields, or parts are deferred.
    """
    schema: Any = executor.schema  # its generic types would have to be named everywhere
    root_type = schema.get_root_type(OperationType.SUBSCRIPTION)
    middlewares = executor.middleware_manager
    if root_type is None or (middlewares is not None and middlewares.middlewares):
        return None
    root = collect_fields(
        executor.schema, executor.fragments, executor.variable_values, root_type, executor.operation
    )
    key, details = next(iter(root.grouped_field_set.items()))
    field = root_type.fields[details[0].node.name.value]
    field_type: Any = get_named_type(field.type)  # pyright: ignore[reportUnknownVariableType]
    is_of_type = object_type is field_type or schema.is_sub_type(field_type, object_type)
    selected = executor.collect_subfields(object_type, details)
    if not is_of_type or root.new_defer_usages or selected.new_defer_usages:
        return None
    nodes = {name: found[0].node for name, found in selected.grouped_field_set.items()}
    return Selection(key, nodes)


def is_about_tokens(error: GraphQLError) -> bool:
    """Return whether a document was refused for having too many tokens."""
    return error.message.endswith("tokens. Parsing aborted.")


def in_words_of_graphql(message: str) -> str:
    """Return a message of graphql-core without Python's words."""
    for pattern, words in _WORDS:
        message = pattern.sub(words, message)
    return message
