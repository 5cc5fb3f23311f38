"""Checks the messages that clients send over graphql-transport-ws (no I/O)."""

from typing import cast

from pybot.endpoint.surrogates import is_encodable


def message_problem(message: object) -> str | None:
    """What is wrong with a message, short enough for a close frame; None for a well-formed one."""
    if not isinstance(message, dict):
        return "A message must be a JSON object"
    fields = cast("dict[str, object]", message)
    kind = fields.get("type")
    if kind in ("connection_init", "ping", "pong"):
        return None if _is_object(fields.get("payload")) else "The payload must be an object"
    if kind in ("subscribe", "complete"):
        if not is_id(fields.get("id")):
            return "The message needs an id: a string of characters that is not empty"
        return _payload_problem(fields.get("payload")) if kind == "subscribe" else None
    return "Unknown message type" if isinstance(kind, str) else "A message must have a type"


def is_id(value: object) -> bool:
    """Whether a value can name an operation."""
    return isinstance(value, str) and bool(value) and is_encodable(value)


def _payload_problem(payload: object) -> str | None:
    if not isinstance(payload, dict):
        return "The payload must be an object"
    fields = cast("dict[str, object]", payload)
    if not isinstance(fields.get("query"), str):
        return "The payload needs a query: a string"
    if not _is_object(fields.get("variables")) or not _is_object(fields.get("extensions")):
        return "Variables and extensions must be objects"
    if not isinstance(fields.get("operationName"), str | None):
        return "The operationName must be a string"
    return None


def _is_object(value: object) -> bool:
    """Whether it is an object, or left out."""
    return isinstance(value, dict | None)
