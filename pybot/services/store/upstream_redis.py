"""What Pybot uses of redis-py 8.1 beside its public interface, all in one place.

- `send_once`: a pipeline of redis-py sends its commands again after a lost connection, also those
  that were carried out. `tests/services/store/test_loops.py` and `tests/faults/test_redis.py`
  notice a change.
- `PlainPipeline`: redis-py writes the command, with its values, in front of an error's text, which
  a user reads. `tests/services/store/test_client.py` notices a change.
- `without_reconnect`: a PubSub of redis-py connects again by itself, in each task that uses it.
  `tests/services/store/test_loops.py` notices a change.
- `keeping_cancellation`: redis-py writes with `asyncio.wait_for`, which before Python 3.12 swallows
  a cancellation that arrives together with its end. `tests/services/store/test_client.py` shows it.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, Generator, Iterable, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline, PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError


async def send_once(client: Redis, commands: Sequence[bytes], timeout: float) -> list[Any]:
    """Send packed commands over one connection; their answers, in order, errors among them.

    Raises TimeoutError after `timeout` seconds, and redis-py's ConnectionError.
    """
    pool: Any = client.connection_pool
    connection = await pool.get_connection()
    try:
        async with asyncio.timeout(timeout):
            await connection.send_packed_command(commands)
            return [await _answer(connection) for _ in commands]
    finally:
        await pool.release(connection)


async def _answer(connection: Any) -> Any:
    try:
        return await connection.read_response(timeout=math.inf)
    except ResponseError as error:
        return error


class PlainPipeline(Pipeline):
    """A pipeline that leaves errors as Redis words them."""

    def annotate_exception(
        self, exception: Exception, number: int, command: Iterable[object]
    ) -> None:
        """Change nothing."""


@asynccontextmanager
async def without_reconnect(pubsub: PubSub) -> AsyncGenerator[None]:
    """Connect, and let a loss of that connection be raised while the block lasts."""
    await pubsub.connect()  # type: ignore[no-untyped-call]  # redis-py has no types here
    connection: Any = pubsub.connection
    retry = connection.retry
    connection.retry = Retry(NoBackoff(), 0, supported_errors=())
    try:
        yield
    finally:
        connection.retry = retry  # it goes back to the pool


@contextmanager
def keeping_cancellation() -> Generator[None]:
    """Raise at the end of the block a cancellation of the task that was swallowed in it."""
    task = asyncio.current_task()
    requests = task.cancelling() if task else 0
    yield
    if task and task.cancelling() > requests:
        raise asyncio.CancelledError
