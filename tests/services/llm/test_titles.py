import pytest

from pybot.services.llm.titles import title_from, title_generation
from pybot.services.values.titles import MAX_LENGTH


@pytest.mark.parametrize(
    "written",
    [
        "Sine wave plot",
        '"Sine wave plot"',
        "**Sine wave plot**",
        "`Sine wave` plot",
        "Title: Sine wave plot.",
        "# Sine wave plot\n\nHere is the title that you asked for.",
        "\n  The title is: “Sine wave plot”",
    ],
)
def test_title_is_taken_out_of_what_stands_around_it(written: str) -> None:
    assert title_from(written, "Plot a sine wave") == "Sine wave plot"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "\n",
        '"',
        "```python",
        "The title of the conversation is:\n",
        "I would suggest that you call this conversation a plot of waves",
    ],
)
def test_first_words_of_the_question_stand_in(written: str) -> None:
    assert title_from(written, "Plot a sine wave") == "Plot a sine wave"


def test_long_question_is_cut_between_words() -> None:
    title = title_from("", "Please   explain\nthe difference between a list and a tuple in Python")
    assert title == "Please explain the difference between a list and"


def test_one_endless_word_is_cut() -> None:
    assert title_from("", "x" * 1000) == "x" * MAX_LENGTH


def test_empty_question_has_a_title_too() -> None:
    assert title_from("", " ") == "New conversation"


def test_request_is_bounded() -> None:
    generation = title_generation("q" * 100_000, "a" * 100_000)
    assert sum(len(turn.text) for turn in generation.turns) < 2000
    assert generation.turns[-1].text.startswith("Write a title")
