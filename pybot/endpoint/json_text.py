"""Decodes the JSON that clients send, and encodes the JSON that is sent to them."""

import contextlib
import json

import msgspec


def decode(data: bytes | str) -> object:
    """The value of a JSON text; raises `ValueError` for anything else, however deeply nested.

    Lone surrogates and numbers out of range, which msgspec refuses, are let through (such numbers
    as infinity): later checks can say where they stand.
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
        # A lone surrogate, which JSON can only carry as an escape.
        return json.dumps(value, separators=(",", ":")).encode()


def _whole(digits: str) -> int | float:
    # Python refuses to read very long integers, and is slow with long ones.
    return int(digits) if len(digits) < 400 else float(digits)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")
