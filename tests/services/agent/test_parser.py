"""Model text parsed into prose and code, whatever pieces it comes in."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybot.services.agent.parser import Code, CodeBegan, CodeEnded, Parsed, Parser, Text

# Pieces of text from which every kind of line can come.
FENCES = ["`", "``", "```", "````", "~~~", "~", "x = '```'"]
WORDS = ["python", "py", "Python3", "th", "json", "a", "print(1)", "é🐍"]
TOKENS = st.sampled_from([*FENCES, *WORDS, "\n", "\n", "\r\n", " ", "  ", "\t"])
TEXTS = st.lists(TOKENS, max_size=30).map("".join)


def parse(*pieces: str) -> list[Parsed]:
    parser = Parser()
    parsed = [event for piece in pieces for event in parser.feed(piece)]
    return parsed + parser.finish()


def joined(parsed: list[Parsed]) -> list[Parsed]:
    """The events with neighbouring pieces joined."""
    result: list[Parsed] = []
    for event in parsed:
        last = result[-1] if result else None
        if isinstance(event, Text) and isinstance(last, Text):
            result[-1] = Text(last.text + event.text)
        elif isinstance(event, Code) and isinstance(last, Code):
            result[-1] = Code(last.text + event.text)
        else:
            result.append(event)
    return result


def raw(parsed: list[Parsed]) -> str:
    """The text that was parsed, put together again."""
    return "".join(
        event.fence if isinstance(event, CodeBegan | CodeEnded) else event.text for event in parsed
    )


def block(code: str, opening: str = "```python\n", closing: str = "\n```\n") -> list[Parsed]:
    return [CodeBegan(opening), Code(code), CodeEnded(closing)]


@given(TEXTS, st.data())
def test_any_division_gives_the_same(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10)))
    bounds = [0, *cuts, len(text)]
    pieces = [text[a:b] for a, b in pairwise(bounds)]
    assert joined(parse(*pieces)) == joined(parse(text))
    assert joined(parse(*text)) == joined(parse(text))


@given(st.lists(TOKENS.filter(lambda token: token not in (" ", "  ", "\t")), max_size=30))
def test_nothing_is_lost(pieces: list[str]) -> None:
    """Unindented text comes back whole when its events are put together."""
    assert raw(parse(*pieces)) == "".join(pieces)


@given(TEXTS)
def test_code_begins_and_ends_in_turn(text: str) -> None:
    marks = [type(event) for event in parse(text) if isinstance(event, CodeBegan | CodeEnded)]
    assert marks == [CodeBegan, CodeEnded] * (len(marks) // 2)


@given(st.text(alphabet=st.characters(exclude_characters="`~")), st.data())
def test_text_without_fences_passes_through(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    assert raw(parse(text[:cut], text[cut:])) == text
    assert all(isinstance(event, Text) for event in parse(text))


@given(TEXTS, st.data())
def test_half_a_fence_is_never_shown(text: str, data: st.DataObject) -> None:
    """What has been shown by then is never part of a fence that comes out as one later."""
    cut = data.draw(st.integers(0, len(text)))
    parser = Parser()
    before = joined(parser.feed(text[:cut]))
    after = joined([*before, *parser.feed(text[cut:]), *parser.finish()])
    for early, late in zip(before, after, strict=False):
        if isinstance(early, Text | Code):
            assert type(early) is type(late)


@pytest.mark.parametrize(
    "tag", ["python", "py", "python3", "Python", "PY", " python", "python id=1"]
)
def test_python_tags_are_cells(tag: str) -> None:
    opening = f"```{tag}\n"
    assert joined(parse(f"{opening}1+1\n```\n")) == block("1+1", opening)


@pytest.mark.parametrize("tag", ["", "text", "json", "bash", "pycon", "python-repl", "p"])
def test_other_blocks_stay_text(tag: str) -> None:
    text = f"```{tag}\n1+1\n```\nmore"
    assert joined(parse(text)) == [Text(text)]


def test_prose_comes_before_and_after_code() -> None:
    text = "Look:\n```python\na = 1\n\nb = 2\n```\nDone."
    assert joined(parse(text)) == [Text("Look:\n"), *block("a = 1\n\nb = 2"), Text("Done.")]


def test_tildes_are_fences_too() -> None:
    text = "~~~python\ns = '''\n```\n'''\n~~~\n"
    assert joined(parse(text)) == block("s = '''\n```\n'''", "~~~python\n", "\n~~~\n")


def test_a_longer_fence_holds_shorter_ones() -> None:
    cell = "````python\n'''\n```\n'''\n````\n"
    assert joined(parse(cell)) == block("'''\n```\n'''", "````python\n", "\n````\n")
    sample = "````markdown\n```python\n1\n```\n````\n"
    assert joined(parse(sample)) == [Text(sample)]


def test_a_closing_fence_may_be_longer_and_have_blanks() -> None:
    assert joined(parse("```python\n1\n````  \n")) == block("1", closing="\n````  \n")


def test_indented_blocks_lose_their_margin() -> None:
    text = "- so:\n  ```python\n  if a:\n      b\n c\n  ```\n"
    opening, closing = "  ```python\n", "\n  ```\n"
    assert joined(parse(text)) == [Text("- so:\n"), *block("if a:\n    b\nc", opening, closing)]


def test_backticks_in_a_line_are_text() -> None:
    text = "Use ```python\n``` or `x`.\n```python``` too\n``a``\n"
    assert joined(parse(text)) == [Text(text)]


def test_backticks_in_code_do_not_end_it() -> None:
    assert joined(parse("```py\nx = '```'\n```y\n```")) == block(
        "x = '```'\n```y", "```py\n", "\n```"
    )


@pytest.mark.parametrize("closing", ["", "\n", "\n`", "\n``", "\n```", "\n```\n"])
def test_code_ends_with_the_text(closing: str) -> None:
    """Cut anywhere in its closing fence, the code is the same."""
    assert joined(parse("```python\n1+1" + closing)) == block("1+1", closing=closing)


def test_an_opening_fence_at_the_end_has_no_code() -> None:
    assert parse("```python") == [CodeBegan("```python"), CodeEnded("")]


def test_what_may_become_a_fence_waits() -> None:
    parser = Parser()
    shown = [parser.feed(piece) for piece in ["So", ":\n", "`", "`", "`", "py", "thon", "\n"]]
    assert shown == [[Text("So")], [Text(":\n")], [], [], [], [], [], [CodeBegan("```python\n")]]
    assert parser.in_code
    assert [parser.feed(piece) for piece in ["1", "\n", "  ", "``", "`"]] == [
        [Code("1")],
        *[[]] * 4,
    ]
    assert parser.feed("\n") == [CodeEnded("\n  ```\n")]
    assert not parser.in_code


def test_what_cannot_become_a_fence_is_shown_at_once() -> None:
    parser = Parser()
    assert parser.feed("```js") == [Text("```js")]
    assert parser.feed("on") == [Text("on")]
    assert parser.feed("\n``") == [Text("\n"), Text("``")]
