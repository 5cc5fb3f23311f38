"""A kernel's reactions recorded as bounded outputs, and told in events that fold to the same."""

import base64
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybot.config import LimitSettings
from pybot.services.agent.outputs import OutputRecorder
from pybot.services.events import (
    CellChanged,
    Event,
    OutputChanged,
    OutputsCleared,
    StreamDelta,
)
from pybot.services.fold import Fold
from pybot.services.kernels.base import (
    Cleared,
    Displayed,
    DisplayUpdated,
    Done,
    Printed,
    Raised,
    Reaction,
    Returned,
    Started,
)
from pybot.services.records import (
    Cell,
    CellStatus,
    DisplayOutput,
    ErrorOutput,
    Output,
    Representation,
    ResultOutput,
    StreamName,
    StreamOutput,
)
from tests.services.agent.fakes import FakeBlobs

CELL = Cell(id="c.m.0", run_id="c.r", source="", status=CellStatus.RUNNING)
LIMITS = LimitSettings(
    max_output_length=256, max_kept_output=1024, max_outputs=4, max_cell_output=100_000
)
NOTE = "[The code puts out too much: what follows is left out.]\n"


class Recording:
    """A recorder with what it said, folded as a reader of the log does."""

    def __init__(self, limits: LimitSettings = LIMITS) -> None:
        self.blobs = FakeBlobs()
        self.recorder = OutputRecorder(CELL.id, 0, blobs=self.blobs, limits=limits)
        self.events: list[Event] = []
        self.fold = Fold()
        self.fold.apply(CellChanged(CELL))

    async def take(self, *reactions: Reaction) -> None:
        for reaction in reactions:
            self.tell(await self.recorder.take(reaction))

    def tell(self, events: list[Event]) -> None:
        self.events += events
        for event in events:
            self.fold.apply(event)

    async def end(self) -> tuple[Output, ...]:
        self.tell(await self.recorder.end())
        cell = self.fold.cell(CELL.id)
        assert cell is not None
        assert cell.outputs == self.recorder.outputs
        assert cell.revision == self.recorder.revision
        assert [output.index for output in cell.outputs] == list(range(len(cell.outputs)))
        return cell.outputs


async def record(*reactions: Reaction, limits: LimitSettings = LIMITS) -> tuple[Output, ...]:
    recording = Recording(limits)
    await recording.take(*reactions)
    return await recording.end()


def out(text: str) -> Printed:
    return Printed(StreamName.STDOUT, text)


def err(text: str) -> Printed:
    return Printed(StreamName.STDERR, text)


def shown(text: str, display_id: str | None = None) -> Displayed:
    return Displayed({"text/plain": text}, display_id)


def stream(index: int, text: str, name: StreamName = StreamName.STDOUT) -> StreamOutput:
    return StreamOutput(index=index, name=name, text=text)


def plain(text: str) -> tuple[Representation, ...]:
    return (Representation(media_type="text/plain", byte_size=len(text.encode()), text=text),)


async def test_neighbouring_prints_are_one_output() -> None:
    recording = Recording()
    await recording.take(Started(1), out("a"), out("b"), err("!"), out("c"), Done("ok", 1))
    assert await recording.end() == (
        stream(0, "ab"),
        stream(1, "!", StreamName.STDERR),
        stream(2, "c"),
    )
    assert recording.events[:2] == [
        OutputChanged(CELL.id, 0, stream(0, "a")),
        StreamDelta(CELL.id, 0, 0, 1, "b"),
    ]


async def test_empty_prints_make_no_output() -> None:
    assert await record(out(""), Displayed({}), Returned(1, {})) == ()


async def test_carriage_returns_and_colours_stay() -> None:
    assert await record(out("10%\r"), out("\x1b[31m20%\r")) == (stream(0, "10%\r\x1b[31m20%\r"),)


async def test_lone_surrogates_are_replaced() -> None:
    (output,) = await record(out("a\ud800b"))
    assert output == stream(0, "a?b")


async def test_long_text_is_cut_and_more_of_it_kept() -> None:
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


async def test_kept_text_ends_with_a_whole_character() -> None:
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


async def test_displays_carry_their_representations() -> None:
    recording = Recording()
    png = b"\x89PNG"
    bundle = {"text/plain": "<Figure>", "image/png": base64.b64encode(png).decode()}
    await recording.take(Displayed(bundle, "d"))
    (output,) = await recording.end()
    assert isinstance(output, DisplayOutput)
    image, text = output.representations
    assert (image.media_type, image.byte_size, image.text) == ("image/png", 4, None)
    assert image.blob is not None
    assert recording.blobs.data[image.blob] == ("image/png", png)
    assert (text,) == plain("<Figure>")
    assert (output.display_id, output.truncated) == ("d", False)


async def test_results_carry_their_number() -> None:
    assert await record(Returned(7, {"text/plain": "42"})) == (
        ResultOutput(index=0, execution_count=7, representations=plain("42")),
    )


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
    assert output.representations == plain("[image/png, 2,000 bytes: too large to keep]")


async def test_an_update_replaces_what_was_shown() -> None:
    recording = Recording()
    update = DisplayUpdated({"text/plain": "2"}, "d")
    await recording.take(shown("1", "d"), shown("other", "e"), out("x"), update, out("y"))
    first, second, printed = await recording.end()
    assert first == DisplayOutput(index=0, representations=plain("2"), display_id="d")
    assert second == DisplayOutput(index=1, representations=plain("other"), display_id="e")
    assert printed == stream(2, "xy")


async def test_an_update_of_an_earlier_cell_is_passed_over() -> None:
    assert await record(DisplayUpdated({"text/plain": "2"}, "unknown")) == ()


async def test_clearing_empties_at_once() -> None:
    recording = Recording()
    await recording.take(out("a"), shown("b"), Cleared(wait=False))
    assert recording.events[-1] == OutputsCleared(CELL.id, 1)
    await recording.take(out("c"))
    assert await recording.end() == (stream(0, "c"),)


async def test_clearing_of_nothing_is_nothing() -> None:
    recording = Recording()
    await recording.take(Cleared(wait=False), Cleared(wait=True), out("a"))
    assert recording.events == [OutputChanged(CELL.id, 0, stream(0, "a"))]


@pytest.mark.parametrize(
    "following",
    [out("b"), shown("b"), Returned(1, {"text/plain": "b"}), Raised("E", "b", ())],
)
async def test_clearing_waits_for_the_next_output(following: Reaction) -> None:
    recording = Recording()
    await recording.take(out("a"), Cleared(wait=True))
    assert len(recording.events) == 1
    await recording.take(following)
    assert recording.events[1] == OutputsCleared(CELL.id, 1)
    (output,) = await recording.end()
    assert output.index == 0


async def test_clearing_that_waits_in_vain_clears_nothing() -> None:
    """As in JupyterLab: an update of a display is no output, nor is the end."""
    recording = Recording()
    update = DisplayUpdated({"text/plain": "2"}, "d")
    await recording.take(shown("1", "d"), Cleared(wait=True), update)
    assert len(await recording.end()) == 1
    recording.tell(await recording.recorder.note("Stopped", "why"))
    assert len(await recording.end()) == 2


async def test_clearing_now_ends_the_waiting() -> None:
    recording = Recording()
    await recording.take(out("a"), Cleared(wait=True), Cleared(wait=False), out("b"), out("c"))
    assert await recording.end() == (stream(0, "bc"),)


async def test_too_many_outputs_are_left_out_and_said_so() -> None:
    outputs = await record(*[shown(str(number)) for number in range(10)], out("late"))
    assert len(outputs) == LIMITS.max_outputs + 1
    assert outputs[-1] == stream(4, NOTE, StreamName.STDERR)


async def test_an_exception_is_told_although_there_are_too_many_outputs() -> None:
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


async def test_a_note_is_an_error_of_pybots_own() -> None:
    recording = Recording()
    await recording.take(out("a"))
    recording.tell(await recording.recorder.note("Stopped", "too slow"))
    printed, note = await recording.end()
    assert printed == stream(0, "a")
    assert note == ErrorOutput(
        index=1, ename="Stopped", evalue="too slow", traceback=("Stopped: too slow",)
    )


REACTIONS = st.one_of(
    st.builds(Printed, st.sampled_from(StreamName), st.text(max_size=200)),
    st.builds(shown, st.text(max_size=300), st.sampled_from([None, "d", "e"])),
    st.builds(DisplayUpdated, st.just({"text/html": "new"}), st.sampled_from(["d", "e"])),
    st.builds(Returned, st.integers(0, 9), st.dictionaries(st.text(), st.text(), max_size=2)),
    st.builds(Raised, st.text(max_size=9), st.text(max_size=300), st.just(("x" * 99,) * 3)),
    st.builds(Cleared, st.booleans()),
)


@given(st.lists(REACTIONS, max_size=30))
async def test_events_fold_to_the_outputs(reactions: list[Reaction]) -> None:
    """Whatever a kernel does, readers of the log see what the history keeps, within bounds."""
    outputs = await record(*reactions)
    assert len(outputs) <= LIMITS.max_outputs + 2
    for output in outputs:
        if isinstance(output, StreamOutput):
            assert len(output.text) <= LIMITS.max_output_length
