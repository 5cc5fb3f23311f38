"""What counts as a sentence."""

import pytest

from tests.sentences import is_sentence, messages


@pytest.mark.parametrize(
    ("message", "is_one"),
    [
        ("This conversation does not exist.", True),
        ("`a.b` must be an ID, not `XXabcXX`.", True),
        ("Send the GraphQL document in UTF-8, as JSON.", True),
        ("this conversation does not exist.", False),
        ("This conversation does not exist", False),
        ("THIS CONVERSATION DOES NOT EXIST.", False),
        ("`a` XXis requiredXX.", False),
        ("", False),
    ],
)
def test_sentence_begins_ends_and_does_not_shout(message: str, is_one: bool) -> None:
    assert is_sentence(message) == is_one


def test_messages_are_those_of_errors() -> None:
    """At any depth; a message of a conversation is none, nor one without a code."""
    answer = {
        "errors": [{"message": "a", "extensions": {"code": "X"}}],
        "data": {
            "send": {"message": {"id": 1}, "errors": [{"message": "b", "code": "Y"}]},
            "other": {"message": "c"},
        },
    }
    assert list(messages(answer)) == ["a", "b"]
