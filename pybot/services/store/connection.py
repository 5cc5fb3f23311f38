"""The connection to Redis."""

from redis.asyncio import Redis

# A client whose answers are bytes: the store holds binary blobs.
Client = Redis


def connect(url: str, *, decode: bool = False) -> Client:
    """A client for `url` (redis://, rediss:// or unix://) with a pool of its own.

    Answers are bytes, or text with `decode` (redis-om wants that).
    """
    return Redis.from_url(url, decode_responses=decode, health_check_interval=30)
