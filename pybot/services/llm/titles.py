"""Titles of conversations: what a model is asked, and what is made of its answer."""

import re

from pybot.services.llm.base import Generation, Turn
from pybot.services.values.titles import MAX_LENGTH, MAX_WORDS, first_words

MAX_TOKENS = 24
QUOTED = 500  # characters of question and answer that the model reads

_PREFIX = re.compile(
    r"^(?:the )?(?:suggested )?title(?: (?:of|for) (?:the|this) conversation)?(?: is|:|$)\s*",
    re.IGNORECASE,
)
_DECORATION = " \t\"'\u2018\u2019\u201c\u201d\u00ab\u00bb*_#`.:;,-\u2013\u2014"


def title_generation(question: str, answer: str) -> Generation:
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
    return Generation(turns=turns, max_tokens=MAX_TOKENS, stop=("\n",), temperature=0)


def title_from(text: str, question: str) -> str:
    """The title in what the model wrote; the question's own first words when there is none."""
    lines = [line.strip() for line in text.strip().splitlines()]
    line = lines[0] if lines else ""
    title = _PREFIX.sub("", line.replace("`", "").strip(_DECORATION)).strip(_DECORATION)
    if 2 <= len(title) <= MAX_LENGTH and len(title.split()) <= MAX_WORDS and "```" not in line:
        return title
    return first_words(question)
