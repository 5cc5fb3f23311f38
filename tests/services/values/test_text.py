"""Texts that people write: what is removed, and what counts as invisible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybot.services.values.text import cleaned, is_visible, one_line


def code_points(text: str) -> str:
    """A name for a test of a text."""
    return "-".join(f"{ord(character):04x}" for character in text)


@pytest.mark.parametrize(
    "text",
    ["", " \t\r\n", "\0", "\0\0 \0", "\u200b", "\u200b\u200d\ufeff", "\x07\x1b", "\u00a0\u3000",
     "\u2028\u2029", "\u2800", "\u3164", "\u115f\u1160\uffa0", "\u034f", "\ufe0f", "\U000e0041",
     "\u00ad", "\u0378", "\ud800"],
    ids=code_points,
)  # fmt: skip
def test_nothing_can_be_seen_of_it(text: str) -> None:
    assert not is_visible(text)
    assert not is_visible(cleaned(one_line(text)).replace("\ufffd", ""))


@pytest.mark.parametrize(
    "text",
    ["a", "\0a", "\u200b.\u200b", "0", "é", "e\u0301", "中", "אב", "👩\u200d💻", "❤\ufe0f",
     "\ue000", "\u3164x", "\U0001faf8", "\U0001fbff", "\ufffd", "\u0301"],
    ids=code_points,
)  # fmt: skip
def test_something_can_be_seen_of_it(text: str) -> None:
    """One letter is enough; pictures that this Python does not know yet count too."""
    assert is_visible(text)


def test_what_no_store_takes_is_cleaned_away() -> None:
    assert cleaned("a\0b\ud800c😀\x1b[0m\n") == "ab\ufffdc😀\x1b[0m\n"


def test_title_is_one_line_without_control_characters() -> None:
    assert one_line(" a\0b\x07 \n\t c\u2028d 👩\u200d💻 ") == "ab c d 👩\u200d💻"


@given(st.text(st.characters()))
def test_cleaning_leaves_all_other_text(text: str) -> None:
    """What can be sent in UTF-8 and has no NUL comes through as it is."""
    clean = cleaned(text)
    assert "\0" not in clean
    clean.encode()
    assert cleaned(clean) == clean
    whole = text.encode(errors="ignore").decode().replace("\0", "")
    assert cleaned(whole) == whole
