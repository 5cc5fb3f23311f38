"""Ending a server of the test process without leaving a connection to the collector."""

import asyncio
import socket
from asyncio.trsock import TransportSocket


async def stop_accepting(listener: socket.socket | TransportSocket) -> None:
    """Let what is accepted begin, and accept nothing more: from here a server can be closed.

    A server of asyncio that is closed refuses a connection that it accepted in the step before,
    and forgets to close it (`Server._attach` fails in the transport's constructor).
    """
    asyncio.get_running_loop().remove_reader(listener.fileno())
    await asyncio.sleep(0.01)
