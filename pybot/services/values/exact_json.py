"""JSON whose whole numbers come through as they were written, however long."""

import json
from typing import Any

import msgspec

# Python reads longer numbers in quadratic time, and refuses those of more than 4,300 digits.
_MAX_DIGITS = 1_000


def loads(data: str | bytes) -> Any:
    """The value of a JSON text, as `json.loads` reads it; raises ValueError.

    Very long whole numbers are `msgspec.Raw`, which msgspec writes as they are.
    """
    text = data if isinstance(data, str) else data.decode(errors="replace")
    return json.loads(text, parse_int=_whole)


def _whole(digits: str) -> int | msgspec.Raw:
    return int(digits) if len(digits) <= _MAX_DIGITS else msgspec.Raw(digits.encode())
