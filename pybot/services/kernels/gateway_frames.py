"""Jupyter messages as frames of a kernel's websocket, both ways, in its two framings.

`v1.kernel.websocket.jupyter.org` holds the kernel's own bytes behind a table of offsets; the
default is JSON. Both: https://jupyter-server.readthedocs.io/en/latest/developers/websocket-protocols.html
"""

import itertools
import struct
from collections.abc import Mapping
from typing import Any

from jupyter_client.session import Session, json_packer

from pybot.services.values import exact_json

V1 = "v1.kernel.websocket.jupyter.org"
MOST_PARTS = 1024  # of one message; each buffer is one
PARTS = ("header", "parent_header", "metadata", "content")


def request(
    kind: str, content: dict[str, Any], *, message_id: str, session_id: str
) -> dict[str, Any]:
    """A message to a kernel's shell channel. The gateway signs it."""
    session = Session(username="pybot", session=session_id)
    message = session.msg(kind, content)
    message["header"]["msg_id"] = message_id
    return message


def encode(message: Mapping[str, Any], framing: str | None) -> bytes:
    """A message to the shell channel as a frame, binary in V1, else text."""
    if framing != V1:
        fields = {name: message[name] for name in PARTS}
        return bytes(json_packer({**fields, "channel": "shell", "buffers": []}))
    parts = [b"shell", *(json_packer(message[name]) for name in PARTS)]
    count = len(parts) + 1
    offsets = itertools.accumulate((len(part) for part in parts), initial=8 * (count + 1))
    return b"".join([struct.pack(f"<{count + 1}Q", count, *offsets), *parts])


def decode(frame: bytes | str, framing: str | None) -> Mapping[str, Any]:
    """A frame's message without its buffers, empty when it is none."""
    try:
        if framing == V1 and isinstance(frame, bytes):
            return _decode_v1(frame)
        return _decode_json(frame)
    except (ValueError, TypeError, KeyError, struct.error, RecursionError):
        return {}


def _decode_v1(frame: bytes) -> Mapping[str, Any]:
    (count,) = struct.unpack_from("<Q", frame)
    if not len(PARTS) + 2 <= count <= MOST_PARTS:
        return {}
    offsets = struct.unpack_from(f"<{count}Q", frame, 8)
    bounds = itertools.pairwise(offsets[1 : len(PARTS) + 2])
    message = {
        name: exact_json.loads(frame[start:end])
        for name, (start, end) in zip(PARTS, bounds, strict=True)
    }
    return {**message, "msg_type": message["header"]["msg_type"]}


def _decode_json(frame: bytes | str) -> Mapping[str, Any]:
    if isinstance(frame, bytes):  # with buffers: a table of offsets, the message, the buffers
        count, start, *rest = struct.unpack_from(">3I", frame)
        frame = frame[start : rest[0] if count > 1 else None]
    message = exact_json.loads(frame)
    return {**message, "msg_type": message["header"]["msg_type"]}
