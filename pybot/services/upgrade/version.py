"""Which form the data in Redis has, and bringing it to the present one.

Every release opens the data of the one before. Versions: 1 is Pybot 0.1.0's, which wrote no
number; 2 has messages as a tree of branches.
"""

import asyncio
import logging
from typing import Any
from uuid import uuid4

from pybot.errors import PybotError
from pybot.services.store import keys
from pybot.services.store.connection import Client
from pybot.services.upgrade.from_1 import bring_over

logger = logging.getLogger(__name__)

VERSION = 2
LOCK_SECONDS = 60
LOOK_INTERVAL = 0.5  # seconds between two looks at another process that brings data over
SCAN_COUNT = 1000


class DataTooNew(PybotError):
    """The data was written by a later version of Pybot."""


async def bring_up_to_date(client: Client) -> None:
    """Bring the data to the present version, once, whichever process comes first.

    Raises DataTooNew, and Unavailable while Redis is out of reach. What breaks off is done again.
    """
    while True:
        found = await _version(client)
        if found > VERSION:
            raise DataTooNew(
                f"This Redis has data of version {found}, and this Pybot reads up to {VERSION}: "
                "start the Pybot that wrote it, or a later one."
            )
        if found == VERSION:
            return
        token = uuid4().hex
        if await client.set(keys.UPGRADING, token, nx=True, ex=LOCK_SECONDS):
            break
        await asyncio.sleep(LOOK_INTERVAL)
    logger.info("bringing data of version %d to version %d", found, VERSION)
    async for conversation_id in bring_over(client):
        logger.debug("conversation=%s brought over", conversation_id)
        await client.expire(keys.UPGRADING, LOCK_SECONDS)
    await client.set(keys.DATA_VERSION, VERSION)
    await client.delete(keys.UPGRADING)
    logger.info("the data is of version %d", VERSION)


async def _version(client: Client) -> int:
    """The version of the data; an empty Redis gets the present one."""
    stored: Any = await client.get(keys.DATA_VERSION)
    if stored is not None:
        return int(stored)
    async for _ in client.scan_iter(match="pybot:*", count=SCAN_COUNT):
        return 1
    await client.set(keys.DATA_VERSION, VERSION, nx=True)
    return await _version(client)
