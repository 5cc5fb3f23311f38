"""Outputs of code that puts out too much, or never stops to."""

import base64
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from pybot.config import LimitSettings
from pybot.services.kernels.base import (
    Cleared,
    Displayed,
    DisplayUpdated,
    Printed,
    Raised,
    Reaction,
    Returned,
)
from pybot.services.records import (
    DisplayOutput,
    ErrorOutput,
    StreamName,
    StreamOutput,
)
from tests.services.agent.recording import (
    LIMITS,
    NOTE,
    Recording,
    out,
    plain,
    record,
    shown,
    stream,
)

REACTIONS = st.one_of(
    st.builds(Printed, st.sampled_from(StreamName), st.text(max_size=200)),
    st.builds(shown, st.text(max_size=300), st.sampled_from([None, "d", "e"])),
    st.builds(DisplayUpdated, st.just({"text/html": "new"}), st.sampled_from(["d", "e"])),
    st.builds(Returned, st.integers(0, 9), st.dictionaries(st.text(), st.text(), max_size=2)),
    st.builds(Raised, st.text(max_size=9), st.text(max_size=300), st.just(("x" * 99,) * 3)),
    st.builds(Cleared, st.booleans()),
)


async def test_long_text_is_cut_and_more_of_it_stored() -> None:
    recording = Recording()
    await recording.take(out("é" * 200), out("x" * 100), out("y" * 2000))
    (output,) = await recording.end()
    assert isinstance(output, StreamOutput)
    assert output.text == "é" * 200 + "x" * 56
    assert output.truncated
    assert output.blob is not None
    media_type, data = recording.blobs.data[output.blob]
    assert media_type == "text/plain"
    assert data.decode() == ("é" * 200 + "x" * 100 + "y" * 2000)[:824]
    assert len(data) == LIMITS.max_kept_output


async def test_text_of_just_the_limit_is_whole() -> None:
    assert await record(out("x" * 256)) == (stream(0, "x" * 256),)


async def test_stored_text_ends_with_a_complete_character() -> None:
    recording = Recording()
    await recording.take(out("x" + "é" * 2000))
    await recording.end()
    ((_, data),) = recording.blobs.data.values()
    assert data.decode() == "x" + "é" * 511


async def test_200_mb_of_prints_stay_in_flat_memory() -> None:
    recording = Recording(LimitSettings())
    piece = out("0123456789" * 10_000)
    tracemalloc.start()
    try:
        for _ in range(2_000):
            await recording.take(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    (output,) = await recording.end()
    assert isinstance(output, StreamOutput)
    assert len(output.text) == 65_536
    assert peak < 16 * 2**20
    assert len(recording.events) == 2
    assert [len(data) for _, data in recording.blobs.data.values()] == [4 * 2**20]


async def test_long_representations_go_to_the_store() -> None:
    html = "<p>" + "x" * 70_000
    recording = Recording(LimitSettings())
    await recording.take(Displayed({"text/html": html}))
    (output,) = await recording.end()
    assert isinstance(output, DisplayOutput)
    assert output.truncated
    (shown_as,) = output.representations
    assert (shown_as.text, shown_as.byte_size) == (None, 70_003)
    assert shown_as.blob is not None
    assert recording.blobs.data[shown_as.blob] == ("text/html", html.encode())


async def test_what_is_too_large_is_replaced_by_words() -> None:
    data = base64.b64encode(b"x" * 2000).decode()
    (output,) = await record(Displayed({"image/png": data}))
    assert isinstance(output, DisplayOutput)
    assert output.truncated
    assert output.representations == plain("[image/png, 2,000 bytes: too large to store]")


async def test_clearing_makes_room_and_what_is_left_out_is_said_again() -> None:
    many = [shown(str(number)) for number in range(LIMITS.max_outputs + 1)]
    recording = Recording()
    await recording.take(*many, Cleared(wait=False))
    assert recording.recorder.outputs == ()
    await recording.take(*many[:-1])
    assert len(recording.recorder.outputs) == LIMITS.max_outputs
    await recording.take(many[-1])
    outputs = await recording.end()
    assert outputs[-1] == stream(4, NOTE, StreamName.STDERR)


async def test_too_many_outputs_are_left_out_and_said_so() -> None:
    outputs = await record(*[shown(str(number)) for number in range(10)], out("late"))
    assert len(outputs) == LIMITS.max_outputs + 1
    assert outputs[-1] == stream(4, NOTE, StreamName.STDERR)


async def test_an_exception_is_an_output_although_there_are_too_many() -> None:
    error = Raised("E", "why", ())
    outputs = await record(*[shown(str(number)) for number in range(10)], error, error, error)
    assert len(outputs) == LIMITS.max_outputs + 2
    assert isinstance(outputs[-1], ErrorOutput)


async def test_clearing_makes_room() -> None:
    shows = [shown(str(number)) for number in range(10)]
    assert len(await record(*shows, Cleared(wait=False), out("a"))) == 1


async def test_printing_and_clearing_for_ever_comes_to_an_end() -> None:
    recording = Recording()
    for _ in range(1000):
        await recording.take(out("x" * 200), Cleared(wait=True))
    (last,) = await recording.end()
    assert last.truncated
    assert len(recording.events) < LIMITS.max_cell_output // 200


async def test_a_spent_cell_says_that_more_outputs_are_left_out() -> None:
    shows = [shown(str(number)) for number in range(9)]
    outputs = await record(*shows, limits=LimitSettings(max_cell_output=1024))
    assert len(outputs) == 5
    assert outputs[-1] == stream(4, NOTE, StreamName.STDERR)


async def test_a_spent_cell_shows_no_more_of_a_stream_or_a_display() -> None:
    limits = LimitSettings(max_cell_output=1024)
    update = DisplayUpdated({"text/plain": "2"}, "d")
    outputs = await record(shown("1", "d"), out("x" * 1000), out("y" * 100), update, limits=limits)
    assert outputs[0] == DisplayOutput(index=0, representations=plain("1"), display_id="d")
    assert outputs[1] == StreamOutput(
        index=1, name=StreamName.STDOUT, text="x" * 1000, truncated=True
    )


async def test_tracebacks_keep_their_end() -> None:
    recording = Recording()
    lines = tuple(f"frame {number}: " + "x" * 50 for number in range(100))
    await recording.take(Raised("E" * 1000, "v" * 1000, lines))
    (output,) = await recording.end()
    assert isinstance(output, ErrorOutput)
    assert output.truncated
    assert (len(output.ename), len(output.evalue)) == (256, 64)
    assert output.traceback[-1] == lines[-1]
    assert sum(map(len, output.traceback)) <= 192
    assert output.blob is not None
    assert len(recording.blobs.data[output.blob][1]) <= LIMITS.max_kept_output


async def test_exceptions_without_a_traceback_are_whole() -> None:
    assert await record(Raised("E", "v" * 200, ())) == (
        ErrorOutput(index=0, ename="E", evalue="v" * 200, traceback=()),
    )


@given(st.lists(REACTIONS, max_size=30))
async def test_events_fold_to_the_outputs(reactions: list[Reaction]) -> None:
    """Whatever a kernel sends, the folded log equals the history, within the limits."""
    outputs = await record(*reactions)
    assert len(outputs) <= LIMITS.max_outputs + 2
    for output in outputs:
        if isinstance(output, StreamOutput):
            assert len(output.text) <= LIMITS.max_output_length


async def test_text_goes_to_the_store_behind_its_limit() -> None:
    """Just the limit is in the events still; one more is fetched."""
    for length, is_inline in ((65_536, True), (65_537, False)):
        (output,) = await record(shown("x" * length), limits=LimitSettings())
        assert isinstance(output, DisplayOutput)
        (shown_as,) = output.representations
        assert (shown_as.text is not None, shown_as.blob is None) == (is_inline, is_inline)


async def test_stored_output_of_just_the_limit_is_whole() -> None:
    """Neither the limit of one output nor that of a cell leaves out what reaches it just so."""
    limits = LIMITS.model_copy(update={"max_kept_output": 2000, "max_cell_output": 2000})
    for size, is_kept in ((2000, True), (2001, False)):
        data = base64.b64encode(b"x" * size).decode()
        (output,) = await record(Displayed({"image/png": data}), limits=limits)
        assert isinstance(output, DisplayOutput)
        assert (output.representations[0].blob is not None) == is_kept
