"""From Jupyter messages to reactions, without a kernel."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybot.services.kernels.base import (
    Cleared,
    Displayed,
    DisplayUpdated,
    Done,
    Printed,
    Raised,
    Returned,
    Size,
    Started,
)
from pybot.services.kernels.messages import ReactionReader
from pybot.services.records import StreamName

ID = "the-message"
IDLE = ("status", {"execution_state": "idle"})
OK = ("execute_reply", {"status": "ok", "execution_count": 3})


def message(kind: object, content: object, parent: object = ID) -> dict[str, Any]:
    """A message as jupyter_client gives it."""
    return {"msg_type": kind, "parent_header": {"msg_id": parent}, "content": content}


SIZE = {"width": 1, "height": 65_535}


def feed(*messages: tuple[str, dict[str, Any]]) -> list[Any]:
    """The reactions to (kind, content) pairs."""
    reader = ReactionReader(ID)
    return [item for kind, content in messages for item in reader.feed(message(kind, content))]


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        ("execute_input", {"code": "1", "execution_count": 3}, Started(execution_count=3)),
        ("stream", {"name": "stdout", "text": "a"}, Printed(name=StreamName.STDOUT, text="a")),
        ("stream", {"name": "stderr", "text": "b"}, Printed(name=StreamName.STDERR, text="b")),
        ("display_data", {"data": {"text/plain": "x"}}, Displayed(bundle={"text/plain": "x"})),
        (
            "display_data",
            {"data": {"a/b": {"c": [1]}}, "transient": {"display_id": "d"}},
            Displayed(bundle={"a/b": {"c": [1]}}, display_id="d"),
        ),
        (
            "update_display_data",
            {"data": {"text/plain": "y"}, "transient": {"display_id": "d"}},
            DisplayUpdated(bundle={"text/plain": "y"}, display_id="d"),
        ),
        (
            "execute_result",
            {"execution_count": 3, "data": {"text/plain": "z"}},
            Returned(execution_count=3, bundle={"text/plain": "z"}),
        ),
        (
            "display_data",
            {"data": {"image/png": "iVBO"}, "metadata": {"image/png": {"width": 640, "height": 9}}},
            Displayed(bundle={"image/png": "iVBO"}, sizes={"image/png": Size(640, 9)}),
        ),
        (
            "execute_result",
            {"execution_count": 3, "data": {"a/b": "z"}, "metadata": {"a/b": SIZE, "c/d": {}}},
            Returned(execution_count=3, bundle={"a/b": "z"}, sizes={"a/b": Size(1, 65_535)}),
        ),
        (
            "error",
            {"ename": "E", "evalue": "v", "traceback": ["1", "2"]},
            Raised(ename="E", evalue="v", traceback=("1", "2")),
        ),
        ("clear_output", {"wait": True}, Cleared(wait=True)),
        ("clear_output", {}, Cleared(wait=False)),
    ],
)
def test_message_becomes_reaction(kind: str, content: dict[str, Any], expected: object) -> None:
    """Each kind of message has its reaction."""
    assert feed((kind, content)) == [expected]


@pytest.mark.parametrize("unfit", [0, -1, 65_536, 1.5, "9", True, None, [9]])
def test_size_that_is_none_is_passed_over(unfit: object) -> None:
    """Code that nobody has checked says what it likes of its images."""
    for said in ({**SIZE, "width": unfit}, {**SIZE, "height": unfit}, unfit):
        for metadata in ({"a/b": said}, said):
            content = {"data": {"a/b": "x"}, "metadata": metadata}
            assert feed(("display_data", content)) == [Displayed(bundle={"a/b": "x"})]


@pytest.mark.parametrize("pair", [(IDLE, OK), (OK, IDLE)])
def test_done_needs_reply_and_idle(pair: tuple[Any, Any]) -> None:
    """Neither of the two is the end on its own."""
    assert feed(pair[0]) == []
    assert feed(*pair) == [Done(status="ok", execution_count=3)]


def test_output_after_the_reply_is_read() -> None:
    """The reply often overtakes the last outputs."""
    output = ("stream", {"name": "stdout", "text": "late"})
    assert feed(OK, output, IDLE)[0] == Printed(name=StreamName.STDOUT, text="late")


def test_busy_is_no_end() -> None:
    """Only the idle status ends an execution."""
    assert feed(OK, ("status", {"execution_state": "busy"})) == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [("ok", "ok"), ("error", "error"), ("aborted", "aborted"), ("abort", "aborted")],
)
def test_done_has_the_replys_status(status: str, expected: str) -> None:
    """What the kernel says of the execution is passed on."""
    done = feed(("execute_reply", {"status": status}), IDLE)[-1]
    assert (done.status, done.execution_count) == (expected, None)


def test_error_that_only_the_reply_has_is_raised() -> None:
    """An error message that was lost is made up for."""
    reply = {"status": "error", "ename": "E", "evalue": "v", "traceback": ["t"]}
    assert feed(("execute_reply", reply), IDLE) == [
        Raised(ename="E", evalue="v", traceback=("t",)),
        Done(status="error"),
    ]
    error = ("error", {"ename": "E", "evalue": "v", "traceback": ["t"]})
    assert len(feed(error, ("execute_reply", reply), IDLE)) == 2


def test_count_comes_from_the_start_when_the_reply_has_none() -> None:
    """The execution count is known from either."""
    start = ("execute_input", {"execution_count": 7})
    reactions = feed(start, start, ("execute_reply", {"status": "ok"}), IDLE)
    assert reactions == [Started(execution_count=7), Done(status="ok", execution_count=7)]


def test_messages_of_other_executions_are_passed_over() -> None:
    """Everybody's messages come over the same channel."""
    reader = ReactionReader(ID)
    assert reader.feed(message("stream", {"name": "stdout", "text": "a"}, parent="other")) == []
    assert reader.feed({"msg_type": "stream", "content": {"name": "stdout", "text": "a"}}) == []


def test_nothing_comes_after_done() -> None:
    """Done is the last reaction."""
    assert len(feed(OK, IDLE, IDLE, ("stream", {"name": "stdout", "text": "a"}))) == 1


def test_finish_stands_in_for_a_lost_idle() -> None:
    """Who knows that no idle status will come can end all the same, after the reply."""
    reader = ReactionReader(ID)
    assert reader.finish() == []
    reader = ReactionReader(ID)
    reader.feed(message(*OK))
    assert reader.replied
    assert reader.finish() == [Done(status="ok", execution_count=3)]
    assert reader.done


def test_lone_surrogates_are_replaced() -> None:
    """No UTF-8 can hold them, so they would break whatever stores the text."""
    text, shown = feed(
        ("stream", {"name": "stdout", "text": "a\ud800b"}),
        ("display_data", {"data": {"text/plain": ["\udfff"]}}),
    )
    assert text.text == "a?b"
    assert shown.bundle == {"text/plain": ["?"]}


def test_nesting_ends_somewhere() -> None:
    """What is nested deeper than any honest output is cut off."""
    value: Any = "deep"
    for _ in range(500):
        value = [value]
    (shown,) = feed(("display_data", {"data": {"a/b": value}}))
    assert msgspec.json.encode(shown.bundle).count(b"[") < 100


@pytest.mark.parametrize("count", [True, -1, 2**31, "3", None, 1.5])
def test_counts_that_are_none_are_passed_over(count: object) -> None:
    """A count is a 31-bit number."""
    assert feed(("execute_input", {"execution_count": count})) == []


KINDS = st.sampled_from(
    [
        *("clear_output", "display_data", "error", "execute_input", "execute_reply"),
        *("execute_result", "status", "stream", "update_display_data", "comm_open"),
    ]
)
KEYS = st.sampled_from(
    [
        *("code", "data", "display_id", "ename", "evalue", "execution_count", "execution_state"),
        *("name", "status", "text", "traceback", "transient", "wait"),
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("idle"),
    lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner),
    max_leaves=10,
)


@given(st.lists(st.tuples(KINDS | JSON, st.dictionaries(KEYS, JSON) | JSON)))
def test_hostile_messages_never_fail(messages: list[tuple[object, object]]) -> None:
    """A kernel can send anything; what comes of it can always be encoded."""
    reader = ReactionReader(ID)
    for kind, content in messages:
        for reaction in reader.feed(message(kind, content)):
            msgspec.json.encode(reaction)
    reader.feed({"parent_header": 1, "content": None})


def test_reply_that_says_nothing_is_that_of_what_came_before() -> None:
    """An error that was told makes it one; else all was well."""
    silent: tuple[str, dict[str, Any]] = ("execute_reply", {})
    error: tuple[str, dict[str, Any]] = ("error", {"ename": "E", "evalue": "v", "traceback": []})
    assert feed(silent, IDLE) == [Done(status="ok")]
    assert feed(error, silent, IDLE) == [Raised("E", "v", ()), Done(status="error")]


def test_words_that_are_no_text_are_left_out() -> None:
    """A kernel of any language may send anything; no text takes its place."""
    untyped: list[Any] = [None, 1, True, ["a"], {"a": 1}]
    for value in untyped:
        (raised,) = feed(("error", {"ename": value, "evalue": value, "traceback": [value, "a"]}))
        assert raised == Raised(ename="Error", evalue="", traceback=("a",))
        update = {"data": {"a/b": "c"}, "transient": {"display_id": value}}
        assert feed(("display_data", update)) == [Displayed(bundle={"a/b": "c"})]
