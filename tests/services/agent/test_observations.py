"""What the model reads of outputs."""

from msgspec.structs import replace

from pybot.services.agent.observations import (
    last_generation,
    observe,
    shorten,
    without_terminal_codes,
)
from pybot.services.llm.profiles import NO_OUTPUT
from pybot.services.records import (
    Cell,
    CellPart,
    CellStatus,
    DisplayOutput,
    ErrorOutput,
    Output,
    Part,
    Representation,
    ResultOutput,
    StreamName,
    StreamOutput,
    TextPart,
)

CELL = Cell(id="c.m.0", run_id="c.r", source="", status=CellStatus.COMPLETED, kernel_generation=2)


def observed(*outputs: Output, status: CellStatus = CellStatus.COMPLETED) -> str:
    return observe(replace(CELL, outputs=outputs, status=status))


def printed(text: str) -> StreamOutput:
    return StreamOutput(index=0, name=StreamName.STDOUT, text=text)


def shown(**representations: str | None) -> DisplayOutput:
    return DisplayOutput(
        index=0,
        representations=tuple(
            Representation(media_type=name.replace("_", "/"), byte_size=1, text=text)
            for name, text in representations.items()
        ),
    )


def test_nothing_is_said_to_be_nothing() -> None:
    assert observed() == NO_OUTPUT
    assert observed(shown()) == NO_OUTPUT


def test_outputs_come_in_order() -> None:
    result = ResultOutput(
        index=1,
        execution_count=1,
        representations=(Representation(media_type="text/plain", byte_size=1, text="3"),),
    )
    assert observed(printed("2\n"), result) == "2\n3"


def test_long_outputs_lose_their_middle() -> None:
    text = observed(printed("a" * 5_000 + "z" * 5_000))
    assert len(text) < 2_100
    assert text.startswith("aaa")
    assert text.endswith("zzz")
    assert "8,000 characters left out" in text


def test_many_outputs_are_cut_together() -> None:
    assert len(observed(*[printed("x" * 1_500)] * 50)) < 4_100
    assert len(observe(replace(CELL, outputs=(printed("x" * 900),)), length=200)) < 300


def test_pictures_are_said_to_be_shown() -> None:
    assert observed(shown(image_png=None, text_plain="<Figure>")) == "[image/png shown to the user]"
    plot = DisplayOutput(
        index=0,
        representations=(
            Representation(
                media_type="application/vnd.plotly.v1+json", byte_size=1, text='{"data": []}'
            ),
        ),
    )
    assert observed(plot) == "[application/vnd.plotly.v1+json shown to the user]"


def test_tables_are_read_as_text() -> None:
    assert observed(shown(text_html="<table>", text_plain="a b\n1 2")) == "a b\n1 2"
    assert observed(shown(text_markdown="*a*")) == "*a*"
    assert observed(shown(text_html="<p>")) == "[text/html shown to the user]"


def test_escape_sequences_and_overwritten_lines_are_left_out() -> None:
    assert without_terminal_codes("\x1b[31mred\x1b[0m\x1b]0;title\x07!\n") == "red!"
    assert without_terminal_codes("10%\r50%\r100%\r\ndone") == "100%\ndone"


def test_tracebacks_keep_their_last_frames() -> None:
    frames = tuple(f"\x1b[1mframe {number}\x1b[0m " + "x" * 100 for number in range(40))
    error = ErrorOutput(index=0, ename="E", evalue="why", traceback=(*frames, "E: why"))
    text = observed(error)
    assert text.startswith("[… earlier frames left out …]\n")
    assert text.endswith("E: why")
    assert "\x1b" not in text
    assert len(text) < 1_300


def test_exceptions_without_a_traceback_are_named() -> None:
    error = ErrorOutput(index=0, ename="E", evalue="why", traceback=())
    assert observed(error) == "E: why"
    assert observed(error, status=CellStatus.INTERRUPTED) == "E: why"


def test_an_interrupt_without_output_is_observed() -> None:
    assert observed(printed("a"), status=CellStatus.INTERRUPTED) == "a\n[interrupted]"


def test_a_new_kernel_is_observed() -> None:
    assert observe(CELL, 2) == NO_OUTPUT
    assert observe(CELL, None) == NO_OUTPUT
    assert "variables of earlier code are lost" in observe(CELL, 1)


def test_short_texts_are_whole() -> None:
    assert shorten("abc", 3) == "abc"


def test_the_newest_generation_counts() -> None:
    parts: list[Part] = [CellPart(index=0, cell=CELL), TextPart(index=1, text="x")]
    never_run = CellPart(index=2, cell=replace(CELL, kernel_generation=None))
    assert last_generation([*parts, never_run]) == 2
    assert last_generation([], 5) == 5
