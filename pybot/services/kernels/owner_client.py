"""A connection to this machine's kernel owner."""

import asyncio
import contextlib
import itertools
import logging
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import msgspec

from pybot.services.background.tasks import cancel_and_wait
from pybot.services.kernels.base import KernelDied, KernelUnavailable
from pybot.services.kernels.owner_protocol import (
    MAX_LINE,
    KernelEnded,
    Reply,
    Request,
    decode_answer,
    encode,
)

log = logging.getLogger(__name__)

Listener = Callable[[KernelEnded | None], None]


class OwnerClient:
    """Connects when it is first used, and again after a loss; belongs to one event loop.

    Listeners are called with each kernel that ended, and with None when the owner itself is gone:
    all its kernels end with it.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._listeners: set[Listener] = set()
        self._writer: StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()
        self._failure: Exception | None = None

    async def call(self, timeout: float, op: Any, **arguments: str) -> Reply:
        """Ask for something and wait for the reply. KernelUnavailable, KernelDied."""
        writer = await self.connect()
        number = next(self._numbers)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            writer.write(encode(Request(id=number, op=op, **arguments)))
            async with asyncio.timeout(timeout):
                reply = await future
        except TimeoutError:
            raise KernelUnavailable(
                f"The kernel owner did not answer within {timeout:g} s."
            ) from None
        finally:
            del self._waiting[number]
        match reply.error:
            case "unavailable":
                raise KernelUnavailable(reply.message)
            case "died":
                raise KernelDied(reply.message)
            case _:
                return reply

    def send(self, op: Any, **arguments: str) -> None:
        """Send a request that has no reply; nothing happens without a connection."""
        if self._writer is not None:
            self._writer.write(encode(Request(id=0, op=op, **arguments)))

    @contextlib.contextmanager
    def listening(self, listener: Listener) -> Generator[None]:
        """Call `listener` with the owner's events while the block lasts."""
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)

    async def connect(self) -> StreamWriter:
        """The connection, made if there is none. KernelUnavailable when it cannot be."""
        async with self._connecting:
            if self._writer is None:
                try:
                    reader, self._writer = await asyncio.open_unix_connection(
                        self._socket, limit=MAX_LINE
                    )
                except OSError as error:
                    raise KernelUnavailable(
                        f"The kernel owner does not answer on {self._socket} "
                        f"({error.strerror or error}). Is `pybot up` running?"
                    ) from error
                self._reading = asyncio.create_task(self._read(reader, self._writer))
            return self._writer

    async def aclose(self) -> None:
        """Close the connection."""
        if self._reading is not None:
            await cancel_and_wait(self._reading)

    def raise_failure(self) -> None:
        """Raise the bug that ended the reading, once; a lost connection is no bug."""
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    async def _read(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while answer := await _next_answer(reader):
                self._take(answer)
        except Exception as error:
            self._failure = error  # for `notices`: see `raise_failure`
        finally:
            self._writer = None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self._lose()

    def _take(self, answer: Reply | KernelEnded) -> None:
        if isinstance(answer, KernelEnded):
            for listener in list(self._listeners):
                listener(answer)
        elif (future := self._waiting.get(answer.id)) and not future.done():
            future.set_result(answer)

    def _lose(self) -> None:
        """Fail all requests, since the connection is gone."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(
                    KernelUnavailable("The kernel owner has gone. Is `pybot up` running?")
                )
        for listener in list(self._listeners):
            listener(None)


async def _next_answer(reader: StreamReader) -> Reply | KernelEnded | None:
    """The next message; None when the connection has ended."""
    try:
        line = await reader.readline()
        return decode_answer(line) if line else None
    except (OSError, ValueError, msgspec.DecodeError) as error:
        log.warning("The connection to the kernel owner broke: %s", error)
        return None
