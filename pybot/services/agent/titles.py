"""Titles of conversations, asked of the model after the first answer."""

import asyncio
import logging
import re

from pybot.services.agent.streams import closing
from pybot.services.llm.base import ChatModel, Delta, ModelError, ModelRequest, Turn
from pybot.services.values.titles import MAX_LENGTH, MAX_WORDS, first_words

logger = logging.getLogger(__name__)

MAX_TOKENS = 24
QUOTED = 500  # characters of question and answer that the model reads

_PREFIX = re.compile(
    r"^(?:the )?(?:suggested )?title(?: (?:of|for) (?:the|this) conversation)?(?: is|:|$)\s*",
    re.IGNORECASE,
)
_DECORATION = " \t\"'\u2018\u2019\u201c\u201d\u00ab\u00bb*_#`.:;,-\u2013\u2014"


async def make_title(model: ChatModel, question: str, answer: str, *, timeout: float = 20) -> str:
    """A title of one short line; the question's first words when the model gives none in time."""
    text = ""
    try:
        async with (
            asyncio.timeout(timeout),
            closing(model.generate(title_request(question, answer))) as stream,
        ):
            async for item in stream:
                if isinstance(item, Delta) and not item.reasoning:
                    text += item.text
    except (ModelError, TimeoutError) as error:
        logger.info("no title from the model: %r", error)
        text = ""
    return title_from(text, question)


def title_request(question: str, answer: str) -> ModelRequest:
    """Ask for a title of what a conversation began with."""
    request = (
        "Write a title of two to five words for this conversation. "
        "Answer with the title alone.\n\n"
        f"Question: {question[:QUOTED]}\n\nAnswer: {answer[:QUOTED]}"
    )
    turns = (
        Turn("system", "You write short, plain titles."),
        Turn("user", request),
    )
    return ModelRequest(turns=turns, max_tokens=MAX_TOKENS, stop=("\n",), temperature=0)


def title_from(text: str, question: str) -> str:
    """The title in what the model wrote; the question's own first words when there is none."""
    lines = [line.strip() for line in text.strip().splitlines()]
    line = lines[0] if lines else ""
    title = _PREFIX.sub("", line.replace("`", "").strip(_DECORATION)).strip(_DECORATION)
    if 2 <= len(title) <= MAX_LENGTH and len(title.split()) <= MAX_WORDS and "```" not in line:
        return title
    return first_words(question)
