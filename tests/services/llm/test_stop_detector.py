import itertools

from hypothesis import given
from hypothesis import strategies as st

from pybot.services.llm.stop_detector import StopDetector

FENCE = "\n```\n"
END = "<|im_end|>"


def fed(detector: StopDetector, *pieces: str) -> str:
    return "".join(detector.feed(piece) for piece in pieces)


def test_stop_sequence_over_several_pieces_is_found_and_shown() -> None:
    detector = StopDetector([FENCE], END)
    assert fed(detector, "x = 1", "\n``", "`", "\n") == "x = 1\n```\n"
    assert detector.reached


def test_text_behind_a_stop_sequence_is_cut() -> None:
    detector = StopDetector([FENCE], END)
    assert fed(detector, "x\n```\n\nDone", " and more") == "x\n```\n"
    assert detector.reached


def test_end_token_that_comes_as_text_is_never_shown() -> None:
    detector = StopDetector([], END)
    assert fed(detector, "Bye", "<", "|im", "_end", "|>", "\n") == "Bye"
    assert detector.reached


def test_beginning_of_an_end_token_that_is_none_comes_later() -> None:
    detector = StopDetector([], END)
    assert fed(detector, "a <", "| b") == "a <| b"
    assert fed(detector, "c <") == "c "
    assert detector.rest() == "<"
    assert detector.rest() == ""


def test_first_of_several_ends_counts() -> None:
    detector = StopDetector(["STOP", FENCE], END)
    assert fed(detector, "a<|im_end|>STOP") == "a"
    detector = StopDetector(["STOP", FENCE], END)
    assert fed(detector, "aSTOP<|im_end|>") == "aSTOP"


def test_nothing_ends_without_stop_sequences_and_end_token() -> None:
    detector = StopDetector(["", ""], "")
    assert fed(detector, "a", FENCE, END) == f"a{FENCE}{END}"
    assert not detector.reached


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
    detector = StopDetector([FENCE], END)
    shown = fed(detector, *(text[a:b] for a, b in itertools.pairwise(places)))
    assert shown == text[: text.index(FENCE) + len(FENCE)]
