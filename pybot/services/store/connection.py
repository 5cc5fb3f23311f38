"""The connection to Redis: what fails for its sake is Unavailable, with the next step."""

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pybot.errors import Unavailable

# Commands at once; further ones wait for a connection rather than fail.
POOL_SIZE = 256
POOL_TIMEOUT = 10  # seconds
ANSWER_TIMEOUT = 5.0  # seconds

# Redis is gone, frozen, full or a replica; other errors are bugs of ours.
_TROUBLE = (RedisConnectionError, RedisTimeoutError, ReadOnlyError, OutOfMemoryError, OSError)

# Those for which redis-py has no class: no replica to write to, no disk to write on, a failover.
_TROUBLE_CODES = ("NOREPLICAS", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "UNBLOCKED")

T = TypeVar("T")


class Client(Redis):
    """A Redis client that says what a user can understand when Redis is out of reach.

    While `held` says why, it carries nothing out.
    """

    held = ""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        self._refuse_if_held()
        # Upstream's has no types of its own.
        upstream = cast("Callable[..., Awaitable[Any]]", super().execute_command)
        return await reaching(upstream(*args, **options))

    async def execute_once(self, commands: Sequence[bytes]) -> list[Any]:
        """The answers to packed commands, in order; an answer may be an error.

        Unlike a pipeline it never sends them again: a write whose answer was lost may have been
        carried out. It also costs half as much.
        """
        self._refuse_if_held()
        return await reaching(self._execute_once(commands))

    async def _execute_once(self, commands: Sequence[bytes]) -> list[Any]:
        pool: Any = self.connection_pool
        connection = await pool.get_connection()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                await connection.send_packed_command(commands)
                return [await _answer(connection) for _ in commands]
        finally:
            await pool.release(connection)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        self._refuse_if_held()
        return _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)

    def _refuse_if_held(self) -> None:
        if self.held:
            raise Unavailable(self.held)


class _Pipeline(Pipeline):
    def annotate_exception(
        self, exception: Exception, number: int, command: Iterable[object]
    ) -> None:
        """Leave an error as it is: its code comes first, and a user reads it."""

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        return await reaching(super().execute(raise_on_error))


@asynccontextmanager
async def listening(client: Client, *channels: str) -> AsyncGenerator[Any]:
    """A redis-py PubSub on the channels that is never connected anew: a loss is raised.

    Else two tasks that read and subscribe would both do so, and trip over each other.
    """
    async with client.pubsub() as pubsub:  # pyright: ignore[reportUnknownMemberType]
        await pubsub.connect()
        connection: Any = pubsub.connection
        retry = connection.retry
        connection.retry = Retry(NoBackoff(), 0, supported_errors=())
        try:
            await pubsub.subscribe(*channels)
            yield pubsub
        finally:
            connection.retry = retry  # it goes back to the pool


async def _answer(connection: Any) -> Any:
    try:
        return await connection.read_response(timeout=math.inf)
    except ResponseError as error:
        return error


async def reaching(answer: Awaitable[T]) -> T:
    """Wait for an answer of Redis; trouble of Redis is raised as Unavailable."""
    try:
        return await answer
    except (*_TROUBLE, ResponseError) as error:
        if not is_trouble(error):
            raise
        raise unavailable(error) from error


def is_trouble(error: Exception) -> bool:
    """Whether an error is Redis's state rather than a bug of ours."""
    return isinstance(error, _TROUBLE) or str(error).startswith(_TROUBLE_CODES)


def unavailable(error: Exception) -> Unavailable:
    """What a user is told of Redis's trouble."""
    reason = str(error) or type(error).__name__
    return Unavailable(f"Redis does not do its part ({reason}). Try again in a moment.")


def connect(url: str, *, decode: bool = False) -> Client:
    """A client for `url` (redis://, rediss:// or unix://) with a pool of its own.

    Answers are bytes, since the store holds binary blobs, or text with `decode` (redis-om wants
    that).
    """
    pool = BlockingConnectionPool.from_url(
        url,
        decode_responses=decode,
        health_check_interval=30,
        max_connections=POOL_SIZE,
        timeout=POOL_TIMEOUT,
        socket_timeout=ANSWER_TIMEOUT,
    )
    client = Client(connection_pool=pool)
    client.auto_close_connection_pool = True
    return client
