"""What Pybot uses of jupyter_client 8.10 beside its public interface, all in one place.

- `connect` sets `Session.unpack`: upstream's reads long integers as floats.
- `raw_socket` takes a channel's ZeroMQ socket, which is read without asyncio, for speed.
- `read` verifies and decodes frames with the session, as upstream's own channels do.

`tests/contracts/test_kernels.py` and `tests/services/kernels/test_local.py` notice a change.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient

from pybot.services.kernels.owner_protocol import ConnectionInfo
from pybot.services.values import exact_json


def connect(
    context: zmq.asyncio.Context, connection: ConnectionInfo, *, iopub: bool, control: bool
) -> AsyncKernelClient:
    """A client whose shell channel is open, and the others that are named."""
    client = AsyncKernelClient(context=context)
    client.load_connection_info(msgspec.to_builtins(connection))
    client.session.unpack = exact_json.loads
    client.start_channels(  # noqa: S604 (the shell is a channel)
        shell=True, iopub=iopub, stdin=False, hb=False, control=control
    )
    return client


def raw_socket(socket: "zmq.asyncio.Socket") -> "zmq.Socket[bytes]":
    """A channel's socket, to read without asyncio."""
    return cast("zmq.Socket[bytes]", zmq.Socket.shadow(socket.underlying))


def read(client: AsyncKernelClient, frames: list[bytes]) -> Mapping[str, Any]:
    """The message in frames; empty when it is none, or is signed with another key."""
    session = client.session
    try:
        _, parts = session.feed_identities(frames)
        message: dict[str, Any] = session.deserialize(parts)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return {}
    return message
