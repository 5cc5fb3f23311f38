"""Cursors of the event logs."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybot.errors import InvalidInput
from pybot.schema import cursors


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_place_comes_back(seq: int) -> None:
    assert cursors.decode("conversation", cursors.encode("conversation", seq)) == seq
    assert cursors.decode("viewer", cursors.encode("viewer", seq)) == seq


def test_cursor_of_the_other_log_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="given by `viewerEvents`") as refused:
        cursors.decode("conversation", cursors.encode("viewer", 7))
    assert refused.value.path == ("after",)
    with pytest.raises(InvalidInput, match="given by `conversationEvents`"):
        cursors.decode("viewer", cursors.encode("conversation", 7))


@pytest.mark.parametrize(
    "text",
    [
        "conversation:",
        "conversation:-1",
        "conversation:07",
        "conversation:1_0",
        "conversation:²",
        f"conversation:{'9' * 19}",
        "other:1",
        "1-0",
        "",
    ],
)
def test_what_the_api_never_gave_is_refused(text: str) -> None:
    for spelling in (urlsafe_b64encode(text.encode()).decode().rstrip("="), text):
        with pytest.raises(InvalidInput, match="not a cursor"):
            cursors.decode("conversation", spelling)


@given(st.text(max_size=60))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    try:
        seq = cursors.decode("viewer", text)
    except InvalidInput:
        return
    assert cursors.encode("viewer", seq) == text
