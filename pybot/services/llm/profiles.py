"""How to prompt a certain model: its system prompt, few-shot turns and sampling.

The protocol between agent and model: the model writes Markdown; generation stops at the fence
that closes a ```python block; the block is run, its outputs come back as a user's turn
(`output_turn`), and the model goes on, until an answer without such a block.
"""

import re

import msgspec
from msgspec import Struct

from pybot.config import LlmSettings
from pybot.services.llm.base import Turn
from pybot.services.llm.smollm2 import FEW_SHOT, SYSTEM

# The end of a closing fence. It is also the end of an opening one that names no language: then no
# block is closed yet, and the model is asked to go on with its unfinished turn.
STOP = ("\n```\n",)
NO_OUTPUT = "(no output)"

_FENCES = re.compile(r"`{3,}")


class Profile(Struct, frozen=True, kw_only=True):
    """What suits a model: `temperature` None leaves it to the service, `few_shot` alternates."""

    system: str
    few_shot: tuple[Turn, ...] = ()
    temperature: float | None = None


DEFAULT = Profile(
    system="""\
You are Pybot, an assistant that solves tasks by writing Python and running it.

To run code, write it in a fenced block that begins with ```python. It is run in a Jupyter kernel \
that keeps its state during the conversation, and its output comes back to you in a message that \
begins with "Output:". Then go on: correct the code when it failed, or answer in words.

- numpy is there as np, pandas as pd, matplotlib.pyplot as plt; plotly and openpyxl can be imported.
- Files lie in the working directory. There is no network.
- Pictures and tables that your code shows, the user sees as well. Do not describe what you have \
not seen in an output, and never write an output yourself.
- When no code is needed, answer without any. Be brief.""",
)

SMOLLM2 = Profile(system=SYSTEM, few_shot=FEW_SHOT, temperature=0)

PROFILES: dict[str, Profile] = {"default": DEFAULT, "smollm2": SMOLLM2}


def profile_of(settings: LlmSettings) -> Profile:
    """The profile that the settings name; a temperature among them goes before the profile's."""
    profile = PROFILES[settings.profile]
    if settings.temperature is None:
        return profile
    return msgspec.structs.replace(profile, temperature=settings.temperature)


def output_turn(text: str) -> Turn:
    """What a cell put out, as the model reads it: in a fence longer than any inside.

    `text` has its length already, and says in words what pictures were shown.
    """
    body = text.strip("\n") or NO_OUTPUT
    fence = "`" * max([3, *(len(run) + 1 for run in _FENCES.findall(body))])
    return Turn("user", f"Output:\n{fence}\n{body}\n{fence}")
