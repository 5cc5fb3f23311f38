"""A conversation's title, asked of the model after the first answer."""

import asyncio
import logging

from pybot.services.agent.waiting import closing
from pybot.services.llm.base import ChatModel, Delta, ModelError
from pybot.services.llm.titles import title_from, title_generation

logger = logging.getLogger(__name__)


async def make_title(model: ChatModel, question: str, answer: str, *, timeout: float = 20) -> str:
    """A title of one short line; the question's first words when the model gives none in time."""
    text = ""
    try:
        async with (
            asyncio.timeout(timeout),
            closing(model.generate(title_generation(question, answer))) as stream,
        ):
            async for item in stream:
                if isinstance(item, Delta) and not item.reasoning:
                    text += item.text
    except (ModelError, TimeoutError) as error:
        logger.info("no title from the model: %r", error)
        text = ""
    return title_from(text, question)
