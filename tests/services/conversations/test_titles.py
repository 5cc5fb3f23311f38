"""Titles: the user's is the last word, also when the model's comes late."""

from typing import Any

import pytest

from pybot.services.container import Services, open_services
from pybot.services.conversations.commands import MAX_TITLE_LENGTH
from pybot.services.records import Viewer
from tests.fixtures.server import SettingsWith

ANN = Viewer(username="ann")


@pytest.fixture
async def services(settings_with: SettingsWith) -> Any:
    async with open_services(settings_with(run={"concurrency": 0})) as opened:
        yield opened


async def titled(services: Services, conversation_id: str) -> tuple[str, bool, int]:
    """A conversation's title, whether anyone has given it, and the number of its last event."""
    snapshot = await services.snapshots.open(ANN, conversation_id)
    is_given = await services.conversations.open_untitled(ANN, conversation_id) is None
    return snapshot.conversation.title, is_given, snapshot.cursor


async def test_title_of_the_model_takes_the_place_of_none(services: Services) -> None:
    """And of the question's first words, which let another one take theirs; not of its own."""
    conversations = services.conversations
    named = (await conversations.create(ANN)).conversation.id
    for title, by, expected, is_given in (
        ("First words", "", "First words", False),
        ("The model's", "model", "The model's", True),
        ("Another one", "model", "The model's", True),
        ("First words", "", "The model's", True),
    ):
        await conversations.set_title(ANN, named, title, by=by)
        assert (await titled(services, named))[:2] == (expected, is_given)


@pytest.mark.parametrize("by", ["model", ""])
async def test_title_that_the_user_gave_meanwhile_stays(services: Services, by: str) -> None:
    """It was asked for before the user gave his; nothing is published."""
    conversations = services.conversations
    named = (await conversations.create(ANN)).conversation.id
    assert await conversations.open_untitled(ANN, named)
    await conversations.update(ANN, named, title="Mine")
    before = await titled(services, named)
    await conversations.set_title(ANN, named, "Late", by=by)
    assert await titled(services, named) == before == ("Mine", True, before[2])


async def test_user_may_give_another_title_at_any_time(services: Services) -> None:
    conversations = services.conversations
    named = (await conversations.create(ANN, title="Mine")).conversation.id
    await conversations.set_title(ANN, named, "The model's", by="model")
    await conversations.update(ANN, named, title="Mine as well")
    assert (await titled(services, named))[0] == "Mine as well"


async def test_title_of_the_model_is_cut_at_what_a_user_may_give(services: Services) -> None:
    named = (await services.conversations.create(ANN)).conversation.id
    await services.conversations.set_title(ANN, named, "x" * 999, by="model")
    assert (await titled(services, named))[0] == "x" * MAX_TITLE_LENGTH
