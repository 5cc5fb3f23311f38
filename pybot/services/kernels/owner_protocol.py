"""The messages between a kernel owner and its clients, one JSON object a line.

A client sends requests and gets one reply for each, in any order; the owner also sends events by
itself. Everything goes over one Unix socket that only the user's own processes can open.
"""

from typing import Literal

import msgspec
from msgspec import Struct

MAX_LINE = 64 * 1024  # bytes of the longest line


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to do. `start` names a conversation, all others but `ping` a kernel.

    `open` marks the kernel as in use until `close` (which has no reply) or the connection's end,
    and is answered with where it listens.
    """

    id: int
    op: Literal["ping", "start", "open", "close", "interrupt", "restart", "shutdown", "alive"]
    conversation_id: str = ""
    kernel_id: str = ""


class ConnectionInfo(Struct, frozen=True):
    """Where a kernel listens: its sockets are `ip-1`, `ip-2`, …; `key` signs the messages."""

    ip: str
    key: str
    transport: Literal["ipc"] = "ipc"
    signature_scheme: str = "hmac-sha256"
    shell_port: int = 1
    iopub_port: int = 2
    stdin_port: int = 3
    control_port: int = 4
    hb_port: int = 5


class Reply(Struct, frozen=True, kw_only=True, tag="reply", omit_defaults=True):
    """The answer to the request `id`. With `error`, `message` is for a person."""

    id: int
    error: Literal["", "unavailable", "died"] = ""
    message: str = ""
    kernel_id: str = ""
    alive: bool = False
    connection: ConnectionInfo | None = None


class KernelEnded(Struct, frozen=True, kw_only=True, tag="ended"):
    """A kernel's process is gone, and with it what it was running."""

    conversation_id: str
    kernel_id: str
    reason: Literal["died", "culled", "restarted", "shutdown"]


_encoder = msgspec.json.Encoder()
_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_answers: msgspec.json.Decoder[Reply | KernelEnded] = msgspec.json.Decoder(Reply | KernelEnded)


def encode(message: Request | Reply | KernelEnded) -> bytes:
    """A message as a line."""
    return _encoder.encode(message) + b"\n"


def decode_request(line: bytes) -> Request:
    """A client's line. Raises msgspec.DecodeError."""
    return _requests.decode(line)


def decode_answer(line: bytes) -> Reply | KernelEnded:
    """An owner's line. Raises msgspec.DecodeError."""
    return _answers.decode(line)
