"""The loop that repairs: finishes, now and then, what a crash cut short."""

import asyncio
import logging
from typing import Protocol

from pybot.errors import Unavailable

logger = logging.getLogger(__name__)


class Repairs(Protocol):
    """Something that can be repaired again and again."""

    async def repair(self) -> None:
        """Finish all that is unfinished; raises Unavailable."""
        ...


async def repair_repeatedly(repairs: Repairs, name: str, interval: float) -> None:
    """Repair every `interval` seconds, also after an outage, until cancelled."""
    while True:
        try:
            await repairs.repair()
        except Unavailable as error:
            logger.warning("%s is interrupted: %s", name, error)
        await asyncio.sleep(interval)
