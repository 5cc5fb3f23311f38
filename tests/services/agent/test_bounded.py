"""Text with a limit on what is shown and on what is stored."""

from hypothesis import given
from hypothesis import strategies as st

from pybot.services.agent.bounded import BoundedText, last_lines, whole_characters


@given(st.lists(st.text(max_size=20), max_size=20))
def test_pieces_are_as_good_as_the_whole(pieces: list[str]) -> None:
    text = "".join(pieces)
    bounded = BoundedText(shown=30, stored=60)
    shown = "".join(bounded.add(piece) for piece in pieces)
    assert shown == bounded.text == text[:30]
    assert bounded.length == len(shown)
    assert bounded.is_cut == (len(text) > 30)
    if bounded.is_cut:
        assert bounded.data == whole_characters(text.encode(errors="replace")[:60])
        assert bounded.is_full == (len(text.encode(errors="replace")) >= 60)


def test_show_no_more_ends_what_is_shown() -> None:
    bounded = BoundedText(shown=30, stored=60)
    bounded.add("ab")
    bounded.show_no_more()
    assert bounded.add("c") == ""
    assert (bounded.text, bounded.data, bounded.is_cut) == ("ab", b"abc", True)


def test_last_lines_gives_the_end() -> None:
    assert last_lines(["aaa", "bbb", "cc"], 4) == ("bb", "cc")
    assert last_lines(["aaa"], 0) == ()
    assert last_lines(["aaa", "bbb"], 1) == ("b",)
    assert last_lines(["aaa"], 9) == ("aaa",)
