import itertools

from hypothesis import given
from hypothesis import strategies as st

from pybot.services.llm.ending import Ending

FENCE = "\n```\n"
END = "<|im_end|>"


def fed(ending: Ending, *pieces: str) -> str:
    return "".join(ending.feed(piece) for piece in pieces)


def test_stop_sequence_over_several_pieces_is_found_and_kept() -> None:
    ending = Ending([FENCE], END)
    assert fed(ending, "x = 1", "\n``", "`", "\n") == "x = 1\n```\n"
    assert ending.reached


def test_text_behind_a_stop_sequence_is_cut() -> None:
    ending = Ending([FENCE], END)
    assert fed(ending, "x\n```\n\nDone", " and more") == "x\n```\n"
    assert ending.reached


def test_end_token_that_comes_as_text_is_never_shown() -> None:
    ending = Ending([], END)
    assert fed(ending, "Bye", "<", "|im", "_end", "|>", "\n") == "Bye"
    assert ending.reached


def test_beginning_of_an_end_token_that_is_none_comes_later() -> None:
    ending = Ending([], END)
    assert fed(ending, "a <", "| b") == "a <| b"
    assert fed(ending, "c <") == "c "
    assert ending.rest() == "<"
    assert ending.rest() == ""


def test_first_of_several_ends_counts() -> None:
    ending = Ending(["STOP", FENCE], END)
    assert fed(ending, "a<|im_end|>STOP") == "a"
    ending = Ending(["STOP", FENCE], END)
    assert fed(ending, "aSTOP<|im_end|>") == "aSTOP"


def test_nothing_ends_without_stop_sequences_and_end_token() -> None:
    ending = Ending(["", ""], "")
    assert fed(ending, "a", FENCE, END) == f"a{FENCE}{END}"
    assert not ending.reached


@given(
    before=st.text(alphabet="ab`\n<|", max_size=20),
    after=st.text(alphabet="ab`\n", max_size=10),
    cuts=st.lists(st.integers(0, 60), max_size=10),
)
def test_how_the_text_is_cut_into_pieces_does_not_matter(
    before: str, after: str, cuts: list[int]
) -> None:
    text = f"{before}{FENCE}{after}{END}rest"
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    ending = Ending([FENCE], END)
    shown = fed(ending, *(text[a:b] for a, b in itertools.pairwise(places)))
    assert shown == text[: text.index(FENCE) + len(FENCE)]
