"""The client of Redis. What Redis's state makes fail is Unavailable, with the next step."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from pybot.errors import Unavailable
from pybot.services.store.upstream_redis import (
    PlainPipeline,
    keeping_cancellation,
    send_once,
    without_reconnect,
)

# Commands at once; further ones wait for a connection rather than fail.
POOL_SIZE = 256
POOL_TIMEOUT = 10  # seconds
ANSWER_TIMEOUT = 5.0  # seconds

# Redis is gone, frozen, full or a replica. All other errors are bugs of Pybot.
_STATE_ERRORS = (RedisConnectionError, RedisTimeoutError, ReadOnlyError, OutOfMemoryError, OSError)

# Codes of such errors for which redis-py has no class: no replica to write to, no disk to write on,
# a failover.
_STATE_CODES = ("NOREPLICAS", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "UNBLOCKED")

T = TypeVar("T")


class Client(Redis):
    """A Redis client whose errors a user can understand when Redis is out of reach.

    While `refuse_because` is set it carries nothing out, and raises Unavailable with that text.
    """

    refuse_because = ""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        self._check_allowed()
        # Upstream's has no types of its own.
        upstream = cast("Callable[..., Awaitable[Any]]", super().execute_command)
        return await with_unavailable(upstream(*args, **options))

    async def execute_once(self, commands: Sequence[bytes]) -> list[Any]:
        """The answers to packed commands, in order; an answer may be an error.

        Unlike a pipeline it never sends them again: a write whose answer was lost may have been
        carried out. It also costs half as much.
        """
        self._check_allowed()
        return await with_unavailable(send_once(self, commands, ANSWER_TIMEOUT))

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> PlainPipeline:
        self._check_allowed()
        return _Pipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)

    def _check_allowed(self) -> None:
        if self.refuse_because:
            raise Unavailable(self.refuse_because)


class _Pipeline(PlainPipeline):
    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        return await with_unavailable(super().execute(raise_on_error))


@asynccontextmanager
async def listening(client: Client, *channels: str) -> AsyncGenerator[Any]:
    """A redis-py PubSub on the channels that is never connected again: a loss is raised.

    Else two tasks that read and subscribe would both connect, and disturb each other.
    """
    async with (
        client.pubsub() as pubsub,  # pyright: ignore[reportUnknownMemberType]
        without_reconnect(pubsub),
    ):
        await pubsub.subscribe(*channels)
        yield pubsub


async def with_unavailable(answer: Awaitable[T]) -> T:
    """Wait for an answer of Redis; errors that are Redis's state are raised as Unavailable."""
    try:
        with keeping_cancellation():
            return await answer
    except (*_STATE_ERRORS, ResponseError) as error:
        if not is_redis_state(error):
            raise
        raise unavailable(error) from error


def is_redis_state(error: Exception) -> bool:
    """Whether an error is Redis's state (gone, full, a replica), not a bug of Pybot."""
    return isinstance(error, _STATE_ERRORS) or str(error).startswith(_STATE_CODES)


def unavailable(error: Exception) -> Unavailable:
    """The error for clients, with Redis's own words in it."""
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
