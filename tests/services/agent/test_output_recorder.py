"""A kernel's reactions become outputs, and events that fold to the same outputs."""

import base64

import pytest

from pybot.services.kernels.base import (
    Cleared,
    Displayed,
    DisplayUpdated,
    Done,
    Raised,
    Reaction,
    Returned,
    Size,
    Started,
)
from pybot.services.records import (
    DisplayOutput,
    ErrorOutput,
    ResultOutput,
    StreamName,
)
from pybot.services.records.events import (
    OutputChanged,
    OutputsCleared,
    StreamDelta,
)
from tests.services.agent.recording import CELL, Recording, err, out, plain, record, shown, stream


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


async def test_images_carry_the_size_at_which_they_are_shown() -> None:
    """What the metadata says, else that of a PNG itself; none where neither is known."""
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (640).to_bytes(4) + (480).to_bytes(4)
    png, cut = (base64.b64encode(data).decode() for data in (header, header[:23]))
    for bundle, sizes, expected in (
        ({"image/png": png}, {}, (640, 480)),
        ({"image/png": png}, {"image/png": Size(320, 240)}, (320, 240)),
        ({"image/png": cut}, {}, (None, None)),
        ({"image/jpeg": png}, {}, (None, None)),
        ({"text/html": "<b>x</b>"}, {"text/html": Size(1, 2)}, (1, 2)),
    ):
        for reaction in (Displayed(bundle, "d", sizes), Returned(1, bundle, sizes)):
            (output,) = await record(reaction)
            assert isinstance(output, DisplayOutput | ResultOutput)
            (found,) = output.representations
            assert (found.width, found.height) == expected


async def test_results_carry_their_number() -> None:
    assert await record(Returned(7, {"text/plain": "42"})) == (
        ResultOutput(index=0, execution_count=7, representations=plain("42")),
    )


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
    recording.publish(await recording.recorder.note("Stopped", "why"))
    assert len(await recording.end()) == 2


async def test_clearing_now_ends_the_waiting() -> None:
    recording = Recording()
    await recording.take(out("a"), Cleared(wait=True), Cleared(wait=False), out("b"), out("c"))
    assert await recording.end() == (stream(0, "bc"),)


async def test_a_note_is_an_error_of_pybots_own() -> None:
    recording = Recording()
    await recording.take(out("a"))
    recording.publish(await recording.recorder.note("Stopped", "too slow"))
    printed, note = await recording.end()
    assert printed == stream(0, "a")
    assert note == ErrorOutput(
        index=1, ename="Stopped", evalue="too slow", traceback=("Stopped: too slow",)
    )
