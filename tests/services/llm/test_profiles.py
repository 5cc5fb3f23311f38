import re
from pathlib import Path

import pytest

from pybot.config import LlmSettings
from pybot.services.llm.profiles import PROFILES, STOP, Profile, output_turn, profile_of
from pybot.services.llm.smollm2 import EXAMPLES

profiles = pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)


@profiles
def test_few_shot_turns_alternate_and_end_with_the_assistant(profile: Profile) -> None:
    roles = [turn.role for turn in profile.few_shot]
    assert roles == ["user", "assistant"] * (len(roles) // 2)


@profiles
def test_few_shot_turns_do_not_contain_the_examples(profile: Profile) -> None:
    said = "\n".join(turn.text for turn in profile.few_shot).lower()
    assert not [example for example in EXAMPLES if example.lower() in said]


@profiles
def test_code_of_the_assistant_ends_at_the_stop_sequence(profile: Profile) -> None:
    written = [turn.text for turn in profile.few_shot if "```python\n" in turn.text]
    assert all(text.endswith(STOP[0]) for text in written)


def test_output_goes_back_in_a_fence() -> None:
    turn = output_turn("42\n")
    assert (turn.role, turn.text) == ("user", "Output:\n```\n42\n```")


def test_output_cannot_close_its_fence() -> None:
    assert output_turn("a\n````\nb").text == "Output:\n`````\na\n````\nb\n`````"


def test_no_output_is_said_in_words() -> None:
    assert output_turn("\n").text == "Output:\n```\n(no output)\n```"


def test_temperature_of_the_settings_goes_before_the_profiles() -> None:
    assert profile_of(LlmSettings(profile="smollm2")).temperature == 0
    assert profile_of(LlmSettings(profile="smollm2", temperature=0.5)).temperature == 0.5
    assert profile_of(LlmSettings()).temperature is None


def test_web_app_offers_the_examples_of_the_local_model() -> None:
    source = Path(__file__).parents[3] / "frontend/src/features/chat/examples.ts"
    offered = re.findall(r'^  "(.*)",$', source.read_text(), re.MULTILINE)
    assert tuple(offered) == EXAMPLES
