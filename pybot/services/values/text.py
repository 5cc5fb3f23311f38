"""Texts that people write: cleaning them, and whether anything in them is visible."""

import re
import unicodedata

# NULs end strings in other programs; halves of surrogate pairs are no text in UTF-8.
_HALVES = re.compile("[\ud800-\udfff]")
# Letters, marks and symbols that leave a blank: fillers of Hangul, joiners, selectors of variants,
# the empty pattern of Braille (Unicode's Default_Ignorable_Code_Point, and U+2800).
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
# New pictures come every year, to fonts sooner than to Python.
_PICTURES = range(0x1F000, 0x1FC00)


def cleaned(text: str) -> str:
    """A text that can be stored and sent on: without NULs, and U+FFFD for half a character."""
    return _HALVES.sub("\ufffd", text.replace("\0", ""))


def one_line(text: str) -> str:
    """A cleaned text on one line, its words one space apart, without control characters."""
    visible = (
        char for char in cleaned(text) if char.isspace() or unicodedata.category(char) != "Cc"
    )
    return " ".join("".join(visible).split())


def is_visible(text: str) -> bool:
    """Whether there is anything to see in a text."""
    return any(map(_is_seen, _BLANK.sub("", text)))


def _is_seen(char: str) -> bool:
    category = unicodedata.category(char)
    if category == "Cn":
        return ord(char) in _PICTURES
    return category not in ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
