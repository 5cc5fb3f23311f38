"""Whether Redis takes writes: one that is full, has no disk or is a replica still answers reads."""

import asyncio
import contextlib
import logging

from redis.exceptions import ResponseError

from pybot.errors import Unavailable
from pybot.services.store.client import Client

logger = logging.getLogger(__name__)

PROBE = "pybot:takes-writes"
PROBE_EXPIRES = 60  # seconds
INTERVAL = 5.0  # seconds between two checks …
WARNING_INTERVAL = 60.0  # … and after a warning
ADVICE = (
    "give it room (delete conversations, raise maxmemory, free its disk), or name the server that "
    "takes writes with REDIS_OM_URL"
)


async def why_writes_fail(client: Client) -> str:
    """Why Redis refuses writes, with what to do; empty when it takes them.

    Raises Unavailable when Redis is out of reach.
    """
    try:
        await client.set(PROBE, 1, ex=PROBE_EXPIRES)
    except Unavailable as error:
        if not isinstance(error.__cause__, ResponseError):
            raise
        return refusal(error.__cause__)
    return ""


def refusal(error: ResponseError) -> str:
    """The error for an operator: why a write was refused, and what to do."""
    return f"Redis takes no writes ({error}): {ADVICE}"


async def watch_writes(client: Client) -> None:
    """Warn once a minute while Redis refuses writes, until cancelled."""
    while True:
        refused = ""
        with contextlib.suppress(Unavailable):  # others say that Redis is out of reach
            refused = await why_writes_fail(client)
        if refused:
            logger.warning("%s", refused)
        await asyncio.sleep(WARNING_INTERVAL if refused else INTERVAL)
