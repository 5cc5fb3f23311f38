"""Splits a model's text into prose and Python blocks, however it is cut into pieces; no I/O.

Fences follow CommonMark (three or more backticks or tildes, closed by at least as many), except
that they may be indented by any width, as models do in lists. Blocks tagged as Python are cells;
other blocks, and backticks within a line, stay text. What could still become a fence is held
back, so that half a fence is never shown.
"""

import re

from msgspec import Struct

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_OPENING = re.compile(r"([ \t]*)(`{3,}|~{3,})(.*)", re.DOTALL)
_HALF_OPENING = re.compile(r"[ \t]*(`{0,2}|~{0,2})")
_TAGS = ("python", "python3", "py")


class Text(Struct, frozen=True):
    """Text that is to be shown."""

    text: str


class CodeBegan(Struct, frozen=True):
    """A Python block began; `fence` is the line that opened it."""

    fence: str


class Code(Struct, frozen=True):
    """A piece of the block's code."""

    text: str


class CodeEnded(Struct, frozen=True):
    """The block ended; `fence` is what closed it, with the line break before it."""

    fence: str


Parsed = Text | CodeBegan | Code | CodeEnded


class _CodeFence(Struct, frozen=True):
    """An opening fence: what closes it, and how far it is indented."""

    marks: str
    indent: int
    info: str

    @property
    def is_python(self) -> bool:
        tag = self.info.split(maxsplit=1)[:1]
        return bool(tag) and tag[0].lower() in _TAGS

    @property
    def may_become_python(self) -> bool:
        """Whether `info` may be the beginning of one that says Python."""
        tag = self.info.lstrip().lower()
        return self.is_python or any(known.startswith(tag) for known in _TAGS)


def _opening(line: str) -> _CodeFence | None:
    """The fence that a line, or the beginning of one, opens."""
    match = _OPENING.fullmatch(line)
    if match is None or (match[2][0] == "`" and "`" in match[3]):
        return None
    return _CodeFence(marks=match[2], indent=len(match[1]), info=match[3])


def _closes(fence: _CodeFence, line: str) -> bool:
    """Whether a whole line closes the fence."""
    marks = line.strip()
    return len(marks) >= len(fence.marks) and not marks.strip(fence.marks[0])


def _may_close(fence: _CodeFence, line: str) -> bool:
    """Whether a line that begins so may become one that closes the fence."""
    marks = line.strip()
    may_grow = not marks or line.endswith(marks)
    return not marks.strip(fence.marks[0]) and (may_grow or len(marks) >= len(fence.marks))


class Parser:
    """Give it the pieces of one turn with `feed`, then call `finish`."""

    def __init__(self) -> None:
        self._fence: _CodeFence | None = None
        self._line = ""  # of the current line: all of it while it may be a fence
        self._shown = 0  # how much of `_line` was given out
        self._is_plain = False  # the current line is no fence: it passes through
        self._newline = ""  # a line break in code, which belongs to the fence if one follows

    @property
    def in_code(self) -> bool:
        """Whether a Python block is open."""
        return self._fence is not None and self._fence.is_python

    def feed(self, piece: str) -> list[Parsed]:
        """Take a piece of text; give all of which it is certain what it is."""
        parsed: list[Parsed] = []
        for line in _LINES.findall(piece):
            parsed += self._take(line)
        return parsed

    def finish(self) -> list[Parsed]:
        """Take the end of the text: what is held back is what it looks like, open code ends."""
        parsed: list[Parsed] = []
        if self._line and not self._is_plain:
            parsed = self._whole_line()
        self._begin_line()
        if self.in_code:
            parsed.append(CodeEnded(self._newline))
        self._fence, self._newline = None, ""
        return parsed

    def _begin_line(self) -> None:
        self._line, self._shown, self._is_plain = "", 0, False

    def _take(self, piece: str) -> list[Parsed]:
        """Take a piece that has a line break at its end at most."""
        ends = piece.endswith("\n")
        if self._is_plain:
            parsed = self._show(piece)
        else:
            self._line += piece
            parsed = self._whole_line() if ends else self._half_line()
        if ends:
            self._begin_line()
        return parsed

    def _half_line(self) -> list[Parsed]:
        """Decide whether the line's beginning is held back, shown, or shown and watched."""
        if self.in_code:
            assert self._fence is not None
            if _may_close(self._fence, self._line):
                return []
            return self._show_line(is_plain=True)
        if self._fence is not None:
            is_plain = not _may_close(self._fence, self._line)
            return self._show_line(is_plain=is_plain)
        if _HALF_OPENING.fullmatch(self._line):
            return []
        opened = _opening(self._line)
        if opened is not None and opened.may_become_python:
            return []
        return self._show_line(is_plain=opened is None)

    def _whole_line(self) -> list[Parsed]:
        """Decide what a whole line, not known to be plain, is."""
        line = self._line
        if self._fence is None:
            self._fence = _opening(line.rstrip("\n"))
            return [CodeBegan(line)] if self.in_code else self._show_line()
        if not self.in_code:
            if _closes(self._fence, line):
                self._fence = None
            return self._show_line()
        if not self._closes_code(line):
            return self._show_line()
        ended = CodeEnded(self._newline + line)
        self._fence, self._newline = None, ""
        return [ended]

    def _closes_code(self, line: str) -> bool:
        """Whether a line closes the code; at the end of the text, half a fence does too."""
        assert self._fence is not None
        if line.endswith("\n"):
            return _closes(self._fence, line)
        return bool(line.strip()) and not line.strip().strip(self._fence.marks[0])

    def _show_line(self, *, is_plain: bool = False) -> list[Parsed]:
        """Give out what was not of the current line, code without the fence's indentation."""
        line, self._is_plain = self._line[self._shown :], is_plain
        self._shown = len(self._line)
        if self.in_code:
            assert self._fence is not None
            margin = len(line) - len(line.lstrip(" \t"))
            line = line[min(margin, self._fence.indent) :]
        return self._show(line)

    def _show(self, piece: str) -> list[Parsed]:
        if not self.in_code:
            return [Text(piece)] if piece else []
        code = self._newline + piece.removesuffix("\n")
        self._newline = "\n" if piece.endswith("\n") else ""
        return [Code(code)] if code else []
