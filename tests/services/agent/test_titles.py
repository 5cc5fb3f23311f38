"""Titles: the model's when it gives one, else the question's first words."""

import asyncio

import pytest

from pybot.services.agent.titles import make_title
from pybot.services.llm.base import Delta, ModelError
from pybot.services.records import RunErrorCode
from tests.services.agent.fakes import FakeModel

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
