"""Which form the data in Redis has, and bringing it to the present one.

Every release opens the data of the one before. Versions: 1 is Pybot 0.1.0's, which wrote no
number; 2 has messages as a tree of branches.
"""

import asyncio
import contextlib
import logging
from typing import Any

from pybot.errors import PybotError, Unavailable
from pybot.services.background.supervisor import Supervisor
from pybot.services.store import keys
from pybot.services.store.connection import Client, connect
from pybot.services.upgrade import from_1

logger = logging.getLogger(__name__)

VERSION = 2
LOCK_SECONDS = 60
LOOK_INTERVAL = 0.5  # seconds between two looks at another process that brings data over
HELD = "Pybot is bringing its data up to date. Try again in a moment."


class DataTooNew(PybotError):
    """The data was written by a later version of Pybot."""


async def bring_up_to_date(client: Client, url: str, supervisor: Supervisor) -> None:
    """Hold a client until the data of its Redis is of the present version.

    Where Redis is out of reach that goes on in the background. Raises DataTooNew.
    """
    try:
        await _bring(client, url)
    except Unavailable as error:
        logger.warning("the data's version is not known yet: %s", error)
        client.held = error.message
        supervisor.start(_keep_trying(client, url), "upgrade of the data")


async def refuse_newer(url: str) -> None:
    """Raise DataTooNew if a Redis has data of a later version; one out of reach is asked later."""
    async with connect(url) as client:
        with contextlib.suppress(Unavailable):
            await _version(client)


async def _keep_trying(client: Client, url: str) -> None:
    while True:
        await asyncio.sleep(LOOK_INTERVAL)
        try:
            await _bring(client, url)
            return
        except Unavailable as error:
            client.held = error.message


async def _bring(client: Client, url: str) -> None:
    """Bring the data over, once, whichever process comes first; what breaks off is done again."""
    client.held = HELD
    async with connect(url) as own:
        while (found := await _version(own)) < VERSION:
            if await own.set(keys.UPGRADING, "", nx=True, ex=LOCK_SECONDS):
                logger.info("bringing data of version %d to version %d", found, VERSION)
                async for conversation_id in from_1.bring_over(own):
                    logger.debug("conversation=%s brought over", conversation_id)
                    await own.expire(keys.UPGRADING, LOCK_SECONDS)
                await own.set(keys.DATA_VERSION, VERSION)
                await own.delete(keys.UPGRADING)
            else:
                await asyncio.sleep(LOOK_INTERVAL)
    client.held = ""


async def _version(client: Client) -> int:
    """The version of the data; an empty Redis gets the present one. Raises DataTooNew."""
    stored: Any = await client.get(keys.DATA_VERSION)
    if stored is None:
        async for _ in from_1.matching(client, "pybot:*"):
            return 1
        await client.set(keys.DATA_VERSION, VERSION, nx=True)
        return VERSION
    if int(stored) > VERSION:
        raise DataTooNew(
            f"This Redis has data of version {int(stored)}, and this Pybot reads up to {VERSION}: "
            "start the Pybot that wrote it, or a later one."
        )
    return int(stored)
