"""The kernel owner's server: many clients on one Unix socket, each with many requests at once."""

import asyncio
import logging
from asyncio import StreamReader, StreamWriter
from collections import Counter

import msgspec

from pybot.services.kernels.base import KernelDied, KernelUnavailable
from pybot.services.kernels.owner_protocol import (
    MAX_LINE,
    KernelEnded,
    Reply,
    Request,
    decode_request,
    encode,
)
from pybot.services.local.kernel_pool import KernelPool
from pybot.services.local.owner_config import OwnerConfig

log = logging.getLogger(__name__)

DISCONNECT_TIMEOUT = 0.5  # seconds for the clients to go
MAX_UNREAD = 1024 * 1024  # bytes of events; a client that does not read them is disconnected


class OwnerServer:
    """Serves a pool of kernels."""

    def __init__(self, config: OwnerConfig) -> None:
        self._config = config
        self.pool = KernelPool(config, self._notify)
        self._clients: dict[asyncio.Task[None], ClientSession] = {}

    async def start(self) -> asyncio.Server:
        """Listen."""
        return await asyncio.start_unix_server(self._serve, self._config.socket, limit=MAX_LINE)

    async def aclose(self) -> None:
        """End all kernels, send their events to the clients, then disconnect them."""
        for client in self._clients.values():
            client.give_up()
        await self.pool.aclose()
        for client in self._clients.values():
            client.writer.close()
        if self._clients:
            await asyncio.wait(self._clients, timeout=DISCONNECT_TIMEOUT)

    def _notify(self, event: KernelEnded) -> None:
        """Send an event to everybody."""
        line = encode(event)
        for client in self._clients.values():
            client.write(line)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        client = ClientSession(self.pool, writer)
        task = asyncio.current_task()
        assert task is not None
        self._clients[task] = client
        try:
            await client.read(reader)
        except (ConnectionError, ValueError) as error:
            log.warning("A client was let go: %s", error)
        finally:
            del self._clients[task]
            client.end()
            writer.close()


class ClientSession:
    """One client: the requests that it waits for, and the kernels that it uses."""

    def __init__(self, pool: KernelPool, writer: StreamWriter) -> None:
        self.writer = writer
        self._pool = pool
        self._leases: Counter[str] = Counter()
        self._requests: set[asyncio.Task[None]] = set()

    async def read(self, reader: StreamReader) -> None:
        """Answer requests until the client is gone. ValueError for a malformed one."""
        while line := await reader.readline():
            try:
                request = decode_request(line)
            except msgspec.DecodeError as error:
                raise ValueError(f"no request: {error}") from error
            task = asyncio.create_task(self._answer(request))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)

    def write(self, line: bytes) -> None:
        """Send a line without waiting for the client to read it."""
        if self.writer.transport.get_write_buffer_size() > MAX_UNREAD:
            self.writer.transport.abort()
        elif not self.writer.is_closing():
            self.writer.write(line)

    def give_up(self) -> None:
        """Cancel the requests in progress: a start could take long."""
        for task in self._requests:
            task.cancel()

    def end(self) -> None:
        """The client is gone: cancel its requests, and stop counting it at its kernels."""
        self.give_up()
        for kernel_id in self._leases.elements():
            self._pool.close(kernel_id)

    async def _answer(self, request: Request) -> None:
        try:
            reply = await self._do(request)
        except KernelUnavailable as error:
            reply = Reply(id=request.id, error="unavailable", message=str(error))
        except KernelDied as error:
            reply = Reply(id=request.id, error="died", message=str(error))
        except Exception:
            log.exception("%s failed", request.op)
            reply = Reply(
                id=request.id, error="unavailable", message="The kernel owner failed: see its log."
            )
        if reply is not None:
            self.write(encode(reply))

    async def _do(self, request: Request) -> Reply | None:
        kernel_id = request.kernel_id
        match request.op:
            case "ping":
                await self._pool.check()
            case "start":
                kernel_id = await self._pool.start(request.conversation_id)
            case "open":
                connection = self._pool.open(kernel_id)
                self._leases[kernel_id] += 1
                return Reply(id=request.id, connection=connection)
            case "close":
                if self._leases[kernel_id] > 0:
                    self._leases[kernel_id] -= 1
                    self._pool.close(kernel_id)
                return None
            case "interrupt":
                await self._pool.interrupt(kernel_id)
            case "restart":
                await self._pool.restart(kernel_id)
            case "shutdown":
                await self._pool.shutdown(kernel_id)
            case "alive":
                return Reply(id=request.id, alive=self._pool.alive(kernel_id))
        return Reply(id=request.id, kernel_id=kernel_id)
