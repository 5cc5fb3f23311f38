"""How a server is asked to go on with an unfinished turn of the assistant: no I/O.

The protocol of chat completions has no field for it. llama.cpp leaves a last turn of the assistant
open, vLLM and SGLang do so when asked in fields of their own (which others refuse), with Ollama it
depends on the model's template, and TGI always begins a new turn. Where the server is
not known to go on, a user's turn asks for it: any model understands that, though it may repeat a
word. The same holds where a server refuses, as llama.cpp does for models that think.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from pybot.services.llm import chatml
from pybot.services.llm.base import Turn

GO_ON = Turn(
    "user",
    "Go on with your last message, exactly from where it ends. Do not repeat any of it, and do not "
    "comment on this request.",
)
_FIELDS: Mapping[str, Any] = {"continue_final_message": True, "add_generation_prompt": False}

# The fields that make a server go on, by `owned_by` of what `/v1/models` lists.
_KNOWN: Mapping[str, Mapping[str, Any]] = {"llamacpp": {}, "vllm": _FIELDS, "sglang": _FIELDS}

# Control tokens beside those in `<|…|>`: DeepSeek's, Gemma's, Mistral's and Llama 2's.
_CONTROL = re.compile(
    r"<(?=\uff5c[^\uff5c<>\s]{1,40}\uff5c>)|<(?=(?:start|end)_of_turn>)|\[(?=/?(?:INST|SYSTEM_PROMPT)\])"
)


class TurnsToSend(Struct, frozen=True):
    """The turns to send, and the fields that go with them; `is_open` if the last goes on."""

    turns: Sequence[Turn]
    fields: Mapping[str, Any]
    is_open: bool = False


def is_open(turns: Sequence[Turn]) -> bool:
    """Whether the last turn is the assistant's own, unfinished."""
    return bool(turns) and turns[-1].role == "assistant"


def turns_to_send(turns: Sequence[Turn], owner: str | None, end_token: str) -> TurnsToSend:
    """What is sent of these turns to a server that says `owner` of its model.

    Servers read control tokens in a message as such, so they are broken up.
    """
    safe = tuple(Turn(turn.role, without_control_tokens(turn.text, end_token)) for turn in turns)
    if not is_open(turns):
        return TurnsToSend(safe, {})
    if owner is not None and owner in _KNOWN:
        return TurnsToSend(safe, _KNOWN[owner], is_open=True)
    return TurnsToSend((*safe, GO_ON), {})


def without_control_tokens(text: str, end_token: str) -> str:
    """A text without control tokens of the usual chat templates: a blank makes them plain text."""
    return _CONTROL.sub(
        lambda found: f"{found[0]} ", chatml.without_control_tokens(text, end_token)
    )
