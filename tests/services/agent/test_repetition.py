"""Noticing that a model repeats itself."""

import pytest

from pybot.services.agent.repetition import Repetition


def notices(text: str, size: int) -> bool:
    repetition = Repetition()
    return any(repetition.feed(text[at : at + size]) for at in range(0, len(text), size))


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_same_line_over_and_over_is_noticed(size: int) -> None:
    assert notices("So:\n" + "a = 1\n" * 24, size)
    assert notices("a = 1\n\n" * 24, size)


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_other_text_is_not(size: int) -> None:
    assert not notices("a = 1\n" * 23, size)
    assert not notices("a = 1\nb = 2\n" * 50, size)
    assert not notices("\n" * 100, size)
    assert not notices("".join(f"{number}\n" for number in range(100)), size)
