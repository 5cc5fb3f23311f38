"""Titles: the model's when it gives one, else the question's first words."""

import asyncio

import pytest

from pybot.services.agent.titles import make_title, title_from, title_request
from pybot.services.llm.base import Delta, ModelError
from pybot.services.records import RunErrorCode
from pybot.services.values.titles import MAX_LENGTH, MAX_WORDS
from tests.services.agent.fake_model import FakeModel

QUESTION = "Plot a sine wave, please"


async def test_the_models_title_is_cleaned() -> None:
    model = FakeModel([Delta("Waves?", reasoning=True), '**Title: "Sine wave"**\nMore.'])
    assert await make_title(model, QUESTION, "Here it is.") == "Sine wave"
    assert model.closed == 1


@pytest.mark.parametrize(
    "script",
    [[""], ["x" * 500], [ModelError(RunErrorCode.MODEL_BUSY, "busy")], ["Half", asyncio.Event()]],
)
async def test_without_a_title_the_questions_words_do(script: list[str]) -> None:
    model = FakeModel(script)
    assert await make_title(model, QUESTION, "", timeout=0.05) == QUESTION


async def test_a_cancelled_title_is_cancelled() -> None:
    model = FakeModel([asyncio.Event()])
    task = asyncio.create_task(make_title(model, QUESTION, ""))
    await model.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.closed == 1


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


def test_request_asks_for_one_line_and_quotes_how_both_begin() -> None:
    request = title_request("q" * 100_000, "a" * 100_000)
    assert [turn.role for turn in request.turns] == ["system", "user"]
    assert request.turns[-1].text.startswith("Write a title")
    assert f"Question: {'q' * 500}\n\nAnswer: {'a' * 500}" in request.turns[-1].text
    assert sum(len(turn.text) for turn in request.turns) < 2000
    assert (request.max_tokens, request.stop, request.temperature) == (24, ("\n",), 0)


@pytest.mark.parametrize(
    ("written", "is_title"),
    [
        ("Pi", True),
        ("P", False),
        ("x" * MAX_LENGTH, True),
        ("x" * (MAX_LENGTH + 1), False),
        (" ".join(["a"] * MAX_WORDS), True),
        (" ".join(["a"] * (MAX_WORDS + 1)), False),
    ],
)
def test_title_has_a_length_and_words_at_most(written: str, is_title: bool) -> None:
    assert (title_from(written, QUESTION) == written) == is_title
