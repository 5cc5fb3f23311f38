"""What the model reads of a cell's outputs: short plain text. The user sees everything."""

import re
from collections.abc import Iterable

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
    StreamOutput,
)

# A screen or two: enough to go on with, and a small model's window holds several.
_MAX_OUTPUT = 2_000
MAX_OBSERVATION = 4_000
_MAX_FRAMES = 1_200

# ECMA-48: control sequences (colours, cursor), operating system commands, single escapes.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def observe(cell: Cell, before: int | None = None, *, length: int = MAX_OBSERVATION) -> str:
    """The outputs of a cell that has ended, cut for the model, in order.

    `before` is the kernel's generation in the cell before, None when there was none; `length` in
    code points.
    """
    texts = [text for output in cell.outputs if (text := _read(output))]
    if before is not None and cell.kernel_generation not in (None, before):
        texts.insert(0, "[the kernel was started anew: variables of earlier code are lost]")
    said = bool(cell.outputs) and isinstance(cell.outputs[-1], ErrorOutput)
    if cell.status is CellStatus.INTERRUPTED and not said:
        texts.append("[interrupted]")
    return shorten("\n".join(texts), length) or NO_OUTPUT


def last_generation(parts: Iterable[Part], default: int | None = None) -> int | None:
    """The kernel's generation in the newest cell that ran; `default` when none did."""
    for part in parts:
        if isinstance(part, CellPart) and part.cell.kernel_generation is not None:
            default = part.cell.kernel_generation
    return default


def shorten(text: str, length: int) -> str:
    """The beginning and the end of a text that is longer than `length` code points."""
    if len(text) <= length:
        return text
    half = length // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters left out …]\n{text[-half:]}"


def without_terminal_codes(text: str) -> str:
    """Text as a terminal shows it: without escape sequences and overwritten progress bars."""
    lines = _ANSI.sub("", text).split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines).strip("\n")


def _read(output: Output) -> str:
    match output:
        case StreamOutput():
            return _cut(output.text)
        case DisplayOutput() | ResultOutput():
            return _read_representations(output.representations)
        case ErrorOutput():
            return _read_error(output)


def _read_representations(representations: tuple[Representation, ...]) -> str:
    """The plain text of a value or a table; for pictures and the like, that the user sees one."""
    if not representations:
        return ""
    richest = representations[0].media_type
    is_seen = richest.startswith(("image/", "audio/", "video/", "application/vnd."))
    texts = {shown.media_type: shown.text for shown in representations}
    text = texts.get("text/plain") or texts.get("text/markdown") or texts.get("text/latex")
    if is_seen or text is None:
        return f"[{richest} shown to the user]"
    return _cut(text)


def _cut(text: str) -> str:
    """The text of an output for the model; a very long one is cut first, which saves time."""
    return shorten(without_terminal_codes(shorten(text, 10 * _MAX_OUTPUT)), _MAX_OUTPUT)


def _read_error(error: ErrorOutput) -> str:
    """The last frames of a traceback, which end with the exception itself."""
    text = without_terminal_codes("\n".join(error.traceback))
    if not text:
        return f"{error.ename}: {shorten(error.evalue, _MAX_FRAMES)}"
    if len(text) <= _MAX_FRAMES:
        return text
    return f"[… earlier frames left out …]\n{text[-_MAX_FRAMES:]}"
