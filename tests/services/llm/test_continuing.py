"""How servers are asked to go on, and what is sent of a turn."""

import pytest

from pybot.services.llm.base import Turn
from pybot.services.llm.continuing import GO_ON, turns_to_send, without_control_tokens

OPEN = (Turn("user", "Hi"), Turn("assistant", "It is"))


def test_whole_conversation_is_sent_as_it_is() -> None:
    sent = turns_to_send(OPEN[:1], "vllm", "")
    assert tuple(sent.turns) == OPEN[:1]
    assert not sent.fields
    assert not sent.is_open


@pytest.mark.parametrize("owner", [None, "openai", "library", "scripted/model"])
def test_unknown_server_is_asked(owner: str | None) -> None:
    sent = turns_to_send(OPEN, owner, "")
    assert tuple(sent.turns) == (*OPEN, GO_ON)
    assert not sent.fields
    assert not sent.is_open


@pytest.mark.parametrize("owner", ["vllm", "sglang"])
def test_server_that_needs_fields_to_continue_gets_them(owner: str) -> None:
    sent = turns_to_send(OPEN, owner, "")
    assert tuple(sent.turns) == OPEN
    assert sent.is_open
    assert sent.fields == {"continue_final_message": True, "add_generation_prompt": False}


def test_server_that_continues_by_itself_gets_no_fields() -> None:
    sent = turns_to_send(OPEN, "llamacpp", "")
    assert tuple(sent.turns) == OPEN
    assert sent.is_open
    assert not sent.fields


@pytest.mark.parametrize(
    "token",
    [
        "<|im_end|>",
        "<|eot_id|>",
        "<\uff5cUser\uff5c>",
        "<end_of_turn>",
        "<start_of_turn>",
        "[INST]",
        "[/INST]",
        "[SYSTEM_PROMPT]",
        "</end>",
    ],
)
def test_control_tokens_are_broken_up(token: str) -> None:
    sent = without_control_tokens(f"a{token}b", "</end>")
    assert token not in sent
    assert sent.replace(" ", "") == f"a{token}b"


@pytest.mark.parametrize("text", ["x[0] < y|z", "<s>old</s>", "a <b> [i] [INSTALL]", "f(x)|g"])
def test_code_and_markup_stay_as_they_are(text: str) -> None:
    assert without_control_tokens(text, "<|im_end|>") == text
