"""JSON texts: what clients send, and what they are sent."""

import contextlib
import json

import msgspec


def decode(data: bytes | str) -> object:
    """The value of a JSON text; raises `ValueError` for anything else, however deeply nested.

    What msgspec refuses of JSON is let through, for whoever reads it to name the place: halves of
    surrogate pairs, and numbers out of range, which are infinite here.
    """
    with contextlib.suppress(msgspec.DecodeError, RecursionError, UnicodeError):
        return msgspec.json.decode(data)
    try:
        text = data if isinstance(data, str) else data.decode()
        return json.loads(text, parse_int=_whole, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def encode(value: object) -> bytes:
    """The JSON text of a value, in one line."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        # Half of a surrogate pair, which only escapes can carry.
        return json.dumps(value, separators=(",", ":")).encode()


def _whole(digits: str) -> int | float:
    # Python reads so many digits only, and takes its time.
    return int(digits) if len(digits) < 400 else float(digits)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")
