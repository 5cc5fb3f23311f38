"""Idempotency keys without a server: what they have to be, and what follows from them."""

import pytest

from pybot.errors import Conflict, InvalidInput
from pybot.services.records import Viewer
from pybot.services.store.requests import MAX_KEY_LENGTH, Request
from tests.sentences import is_sentence

ANN, BOB = Viewer(username="ann"), Viewer(username="bob")


def request(
    key: str | None = "k",
    *,
    viewer: Viewer = ANN,
    operation: str = "send",
    conversation_id: str | None = "c",
    input: object = "hello",
) -> Request:
    return Request.of(viewer, operation, key, conversation_id, input)


@pytest.mark.parametrize("length", [1, MAX_KEY_LENGTH])
def test_key_of_this_length_is_taken(length: int) -> None:
    assert request("k" * length).has_key


@pytest.mark.parametrize("length", [0, MAX_KEY_LENGTH + 1])
def test_key_of_this_length_is_refused(length: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        request("k" * length)
    assert refused.value.path == ("idempotencyKey",)
    assert is_sentence(str(refused.value))


def test_same_request_makes_the_same_and_each_other_one_another() -> None:
    """A key is its viewer's, for one operation in one conversation."""
    first = request()
    others = [
        request("l"),
        request(viewer=BOB),
        request(operation="regenerate"),
        request(conversation_id="d"),
        request(conversation_id=None),
    ]
    assert request() == first
    assert len({each.token for each in (first, *others)}) == 6
    assert request().new_id("run") == first.new_id("run")
    assert first.new_id("run") != first.new_id("message")
    assert first.new_id("run").startswith("c.")


def test_request_for_a_new_conversation_lies_in_it() -> None:
    made = request(conversation_id=None)
    assert request(conversation_id=None).conversation_id == made.conversation_id
    assert request("l", conversation_id=None).conversation_id != made.conversation_id
    assert made.new_id("run").startswith(f"{made.conversation_id}.")


def test_request_without_a_key_is_like_no_other() -> None:
    assert request(None).token != request(None).token
    assert not request(None).has_key


def test_key_that_is_used_for_another_input_is_a_conflict() -> None:
    """The order of the fields makes no other input; their values do."""
    given = {"text": "hello", "title": None}
    digest = request(input=given).digest
    request(input=dict(reversed(given.items()))).check(digest)
    with pytest.raises(Conflict) as refused:
        request(input={**given, "text": "bye"}).check(digest)
    assert refused.value.path == ("idempotencyKey",)
    assert is_sentence(str(refused.value))
