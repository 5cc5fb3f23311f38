"""ChatML: how turns become the one text that a model continues.

The text of a turn cannot leave it: control tokens in it are broken up, so that a user's
message or a cell's output cannot forge the end of its own turn or the start of another.
"""

import re
from collections.abc import Sequence

from pybot.services.llm.base import Turn

_CONTROL = re.compile(r"<\|([^|<>\s]{1,40})\|>")


def prompt(turns: Sequence[Turn], end: str) -> str:
    """The turns as ChatML, open for the assistant's words; `end` is the model's own last token.

    An assistant's turn in last place is left open, so that the model goes on with it.
    """
    texts = [f"<|im_start|>{turn.role}\n{without_control_tokens(turn.text, end)}" for turn in turns]
    if not turns or turns[-1].role != "assistant":
        texts.append("<|im_start|>assistant\n")
    return "<|im_end|>\n".join(texts)


def without_control_tokens(text: str, end: str) -> str:
    """A text without control tokens: a blank after their first character makes them plain text."""
    text = _CONTROL.sub(r"< |\1|>", text)
    return text.replace(end, f"{end[0]} {end[1:]}") if end else text
