"""The version of the data in Redis, and the upgrade of older data.

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
from pybot.services.store.client import Client, connect
from pybot.services.upgrade import from_1

logger = logging.getLogger(__name__)

VERSION = 2  # raised when stored data changes its form; the docstring lists them
LOCK_SECONDS = 60  # the lock is renewed after each conversation
LOOK_INTERVAL = 0.5  # seconds between two looks at a process that upgrades the data
UPGRADING_MESSAGE = "Pybot is bringing its data up to date. Try again in a moment."


class DataTooNew(PybotError):
    """The data was written by a later version of Pybot."""


async def upgrade_data(client: Client, url: str, supervisor: Supervisor) -> None:
    """Upgrade the data; until that is done, `client` refuses all commands.

    When Redis is out of reach it is tried again in the background. Raises DataTooNew.
    """
    try:
        await _upgrade(client, url)
    except Unavailable as error:
        logger.warning("the data's version is not known yet: %s", error)
        client.refuse_because = error.message
        supervisor.start(_retry(client, url), "upgrade of the data")


async def refuse_newer(url: str) -> None:
    """Raise DataTooNew if a Redis has data of a later version; passes when it is out of reach."""
    async with connect(url) as client:
        with contextlib.suppress(Unavailable):
            await _version(client)


async def _retry(client: Client, url: str) -> None:
    while True:
        await asyncio.sleep(LOOK_INTERVAL)
        try:
            await _upgrade(client, url)
            return
        except Unavailable as error:
            client.refuse_because = error.message


async def _upgrade(client: Client, url: str) -> None:
    """Upgrade the data, in one process at a time; an upgrade that broke off is done again."""
    client.refuse_because = UPGRADING_MESSAGE
    async with connect(url) as own:
        while (found := await _version(own)) < VERSION:
            if await own.set(keys.UPGRADING, "", nx=True, ex=LOCK_SECONDS):
                logger.info("upgrading data of version %d to version %d", found, VERSION)
                async for conversation_id in from_1.upgrade(own):
                    logger.debug("conversation=%s upgraded", conversation_id)
                    await own.expire(keys.UPGRADING, LOCK_SECONDS)
                await own.set(keys.DATA_VERSION, VERSION)
                await own.delete(keys.UPGRADING)
            else:
                await asyncio.sleep(LOOK_INTERVAL)
    client.refuse_because = ""


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
