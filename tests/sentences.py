"""What is said to people in answers: the `message` of every error, as a sentence."""

import re
from collections.abc import Iterator
from typing import Any

# What is quoted, and names, may be anything.
_QUOTED = re.compile(r"GraphQL|`[^`]*`|'[^']*'|\"[^\"]*\"|“[^”]*”", re.DOTALL)
# Behind a colon may stand what somebody else said.
_SENTENCE = re.compile(r"[A-Z0-9\"'`$](.*[.?!)…]|.*: .*)", re.DOTALL)
# Capitals inside of a word, or a whole sentence of them.
_SHOUTED = re.compile(r"[a-z][A-Z]{2}|[A-Z]{2}[a-z]{2}|[A-Z]{2,} [A-Z]{2,} [A-Z]{2,}")


def messages(answer: Any) -> Iterator[str]:
    """The messages of all errors in an answer, at whatever depth."""
    if isinstance(answer, list):
        for each in answer:  # pyright: ignore[reportUnknownVariableType]
            yield from messages(each)
    elif isinstance(answer, dict):
        said: Any = answer.get("message")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if isinstance(said, str) and ("code" in answer or "extensions" in answer):
            yield said
        for each in answer.values():  # pyright: ignore[reportUnknownVariableType]
            yield from messages(each)


def is_sentence(message: str) -> bool:
    """Whether it begins with a capital or a name, ends as sentences do, and does not shout."""
    shouts = _SHOUTED.search(_QUOTED.sub("x", message))
    return bool(_SENTENCE.fullmatch(message)) and not shouts
