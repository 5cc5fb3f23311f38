"""Pages of a list: which edges they have, and what is said of those around them."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybot.errors import InvalidInput
from pybot.services.values.pages import (
    DEFAULT_SIZE,
    MAX_CURSOR_LENGTH,
    MAX_SIZE,
    Page,
    PageRequest,
    decode_cursor,
    encode_cursor,
)

SIZES = st.none() | st.integers(0, MAX_SIZE)
POSITIONS = st.none() | st.integers(0, 200)


@given(total=st.integers(0, 200), size=SIZES, after=POSITIONS, before=POSITIONS)
@pytest.mark.parametrize("backward", [False, True])
def test_window_is_what_relay_says(
    total: int, size: int | None, after: int | None, before: int | None, backward: bool
) -> None:
    """Edges between the cursors, then so many of them from one end."""
    if backward and size is None:
        size = DEFAULT_SIZE
    request = PageRequest(last=size) if backward else PageRequest(first=size)
    start, stop = request.window(total, after, before)
    between = [
        place
        for place in range(total)
        if (after is None or place > after) and (before is None or place < before)
    ]
    count = DEFAULT_SIZE if size is None else size
    expected = between[max(0, len(between) - count) :] if backward else between[:count]
    assert list(range(start, stop)) == expected
    assert 0 <= start <= stop <= total


@pytest.mark.parametrize(
    ("request_", "previous", "next_"),
    [
        (PageRequest(first=2), False, True),
        (PageRequest(last=2), True, False),
        (PageRequest(first=10), False, False),
        (PageRequest(first=0), False, True),
        (PageRequest(last=0), True, False),
    ],
)
def test_neighbours_are_facts_of_the_list(
    request_: PageRequest, previous: bool, next_: bool
) -> None:
    page = page_of(request_, 10, None, None)
    assert (page.has_previous, page.has_next) == (previous, next_)


@pytest.mark.parametrize("request_", [PageRequest(first=10), PageRequest(last=10)])
def test_neighbours_do_not_depend_on_the_cursor_that_was_given(request_: PageRequest) -> None:
    """`first` with `before` and `last` with `after` say as much as the other way round."""
    assert neighbours(request_, after=None, before=5) == (False, True)
    assert neighbours(request_, after=4, before=None) == (True, False)
    assert neighbours(request_, after=2, before=6) == (True, True)
    assert neighbours(request_, after=8, before=9) == (True, True)
    assert neighbours(request_, after=9, before=None) == (True, False)
    assert neighbours(request_, after=None, before=0) == (False, True)


def test_empty_list_has_no_neighbours_whatever_the_cursor() -> None:
    """Cursors of messages that left the path stand behind its end."""
    page = page_of(PageRequest(first=3), 0, 7, None)
    assert (page.has_previous, page.has_next) == (False, False)


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        (PageRequest(first=-1), ("first",)),
        (PageRequest(last=MAX_SIZE + 1), ("last",)),
        (PageRequest(first=1, last=1), ("last",)),
    ],
)
def test_sizes_out_of_range_are_refused(request_: PageRequest, path: tuple[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        request_.window(10, None, None)
    assert refused.value.path == path


@given(st.lists(st.text("abc019_.-", max_size=20), min_size=1, max_size=3))
def test_values_of_a_cursor_come_back(values: list[str]) -> None:
    assert decode_cursor(encode_cursor(*values), len(values), "after") == values


@pytest.mark.parametrize(
    ("values", "cursor"),
    [(("a",), "YQ"), (("a", 1), "YXwx"), (("aaW",), "YWFX"), (("ÿ?",), "w78_"), ((">>>",), "Pj4-")],
)
def test_cursor_is_base64_without_its_padding(values: tuple[str | int, ...], cursor: str) -> None:
    """So that it needs no quoting in an address."""
    assert encode_cursor(*values) == cursor
    assert decode_cursor(cursor, len(values), "after") == [str(value) for value in values]


def test_cursor_has_a_length_at_most() -> None:
    """One of just that length is read still."""
    longest = "x" * (MAX_CURSOR_LENGTH // 4 * 3)
    assert len(encode_cursor(longest)) == MAX_CURSOR_LENGTH
    assert decode_cursor(encode_cursor(longest), 1, "after") == [longest]
    with pytest.raises(InvalidInput):
        decode_cursor(encode_cursor(f"{longest}x"), 1, "after")


@pytest.mark.parametrize(
    "cursor",
    [
        "é",
        "",
        "=",
        "YQ==",
        "YR",
        "\0",
        "\ud800",
        "x" * 1_000_000,
        " YQ",
        "YQ\n",
        "YXw+",
        "Y.Xxi",
        "_____w",
    ],
    ids=lambda text: text[:8].encode(errors="surrogatepass").hex() or "empty",
)
def test_what_was_never_given_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput, match="`before` is not a cursor") as refused:
        decode_cursor(cursor, 2, "before")
    assert refused.value.path == ("before",)


def test_cursor_with_more_or_fewer_values_is_refused() -> None:
    assert decode_cursor(encode_cursor("²", "x"), 2, "after") == ["²", "x"]
    for count in (1, 3):
        with pytest.raises(InvalidInput):
            decode_cursor(encode_cursor("²", "x"), count, "after")


@given(
    st.text(st.characters(), max_size=80)  # surrogates too
    | st.binary(max_size=80).map(lambda data: urlsafe_b64encode(data).decode().rstrip("="))
)
def test_any_text_is_decoded_or_refused(text: str) -> None:
    try:
        values = decode_cursor(text, 1, "after")
    except InvalidInput:
        return
    assert encode_cursor(*values) == text


def page_of(request: PageRequest, total: int, after: int | None, before: int | None) -> Page[int]:
    start, stop = request.window(total, after, before)
    return Page[int](edges=(), preceding=start, following=total - stop, total=total)


def neighbours(request: PageRequest, after: int | None, before: int | None) -> tuple[bool, bool]:
    page = page_of(request, 10, after, before)
    return page.has_previous, page.has_next
