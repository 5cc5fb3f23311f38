"""Global IDs: opaque to clients, base64url of the type's name and the service's ID."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from typing import Literal

import strawberry

Kind = Literal["Viewer", "Model", "Conversation", "Run", "Message", "Cell", "Output", "Kernel"]

# IDs of services are hierarchical (`services/records/ids.py`). One of another shape names nothing,
# and must never become part of a key in Redis.
_PART = "[0-9a-z]{1,32}"
_SHAPES: dict[Kind, re.Pattern[str]] = {
    "Viewer": re.compile(_PART),
    "Model": re.compile(".{1,200}"),
    "Conversation": re.compile(_PART),
    "Run": re.compile(rf"{_PART}\.{_PART}"),
    "Message": re.compile(rf"{_PART}\.{_PART}"),
    "Cell": re.compile(rf"{_PART}\.{_PART}\.\d{{1,6}}"),
    "Output": re.compile(rf"{_PART}\.{_PART}\.\d{{1,6}}\.\d{{1,6}}"),
    "Kernel": re.compile(_PART),
}


@lru_cache(maxsize=4096)  # every token's event names its conversation and its message
def encode(kind: Kind, service_id: str) -> strawberry.ID:
    """The global ID of an object of this kind."""
    return strawberry.ID(urlsafe_b64encode(f"{kind}:{service_id}".encode()).decode().rstrip("="))


def decode(global_id: str) -> tuple[Kind, str] | None:
    """The kind and the service's ID; None when it is not an ID that `encode` gives."""
    try:
        padded = global_id + "=" * (-len(global_id) % 4)
        name, _, service_id = urlsafe_b64decode(padded.encode("ascii")).decode().partition(":")
    except ValueError:
        return None
    for kind in _SHAPES:
        if kind == name and is_shaped(kind, service_id) and encode(kind, service_id) == global_id:
            return kind, service_id
    return None


def is_shaped(kind: Kind, service_id: str) -> bool:
    """Whether a service's ID has the shape of one of this kind."""
    return _SHAPES[kind].fullmatch(service_id) is not None


def decode_as(kind: Kind, global_id: str) -> str | None:
    """The service's ID of an object of this kind; None for anything else."""
    match decode(global_id):
        case (found, service_id) if found == kind:
            return service_id
        case _:
            return None
