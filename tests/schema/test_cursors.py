"""Cursors of the event logs."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybot.errors import CursorExpired, InvalidInput
from pybot.schema import cursors

ID = "0f" * 16
LOG, OTHER = cursors.log_of(ID), cursors.log_of("1f" * 16)


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_place_comes_back(seq: int) -> None:
    for log in (LOG, cursors.VIEWER):
        assert cursors.decode(log, cursors.encode(log, seq)) == seq


@pytest.mark.parametrize(
    ("log", "given_by", "words"),
    [
        (LOG, cursors.VIEWER, "given by `viewerEvents`, not `conversationEvents`"),
        (cursors.VIEWER, LOG, "given by `conversationEvents`, not `viewerEvents`"),
        (LOG, OTHER, "given by another conversation"),
    ],
)
def test_cursor_of_another_log_is_refused_by_name(log: str, given_by: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refused:
        cursors.decode(log, cursors.encode(given_by, 7))
    assert refused.value.path == ("after",)


def test_cursor_of_the_release_before_asks_for_the_snapshot() -> None:
    """A page that stays open while the server is upgraded continues to follow."""
    former = urlsafe_b64encode(b"conversation:7").decode().rstrip("=")
    with pytest.raises(CursorExpired) as refused:
        cursors.decode(LOG, former)
    assert refused.value.path == ("after",)
    with pytest.raises(InvalidInput, match="not a cursor"):
        cursors.decode(cursors.VIEWER, former)


@pytest.mark.parametrize(
    "text",
    [
        f"{LOG}:",
        f"{LOG}:-1",
        f"{LOG}:07",
        f"{LOG}:1_0",
        f"{LOG}:²",
        f"{LOG}:{'9' * 19}",
        f"{LOG}:{'9' * 5_000}",
        "viewer:²",
        "other:1",
        "1-0",
        "\0",
        "",
        "x" * 1_000_000,
    ],
    ids=lambda text: text[-12:],
)
def test_what_the_api_never_gave_is_refused(text: str) -> None:
    spellings = [urlsafe_b64encode(text.encode()).decode().rstrip("="), text, f"{text}é"]
    for spelling in spellings:
        for log in (LOG, cursors.VIEWER):
            with pytest.raises(InvalidInput, match="not a cursor"):
                cursors.decode(log, spelling)


ANY_TEXT = st.text(st.characters(), max_size=60)  # surrogates too


@given(
    ANY_TEXT
    | ANY_TEXT.map(lambda text: urlsafe_b64encode(text.encode("utf-8", "replace")).decode())
    | st.integers().map(lambda number: cursors.encode(cursors.VIEWER, number))
)
def test_any_text_is_decoded_or_refused(text: str) -> None:
    try:
        seq = cursors.decode(cursors.VIEWER, text)
    except InvalidInput:
        return
    assert cursors.encode(cursors.VIEWER, seq) == text
