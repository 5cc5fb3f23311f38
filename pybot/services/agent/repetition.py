"""Detects a model that writes the same line over and over, until its tokens run out."""

# Nobody writes so many equal lines on purpose; a small model writes nothing else from there on.
_MOST_EQUAL_LINES = 24


class Repetition:
    """Fed with what a model writes, it notices when the model repeats itself."""

    def __init__(self) -> None:
        self._line = ""
        self._last = ""
        self._count = 0

    def feed(self, text: str) -> bool:
        """Take a piece of text; whether the same line has come too often in a row by now."""
        if "\n" not in text:  # as nearly always
            self._line += text
            return self._count >= _MOST_EQUAL_LINES
        first, *lines = text.split("\n")
        self._line += first
        for line in lines:
            self._end_line()
            self._line = line
        return self._count >= _MOST_EQUAL_LINES

    def _end_line(self) -> None:
        if not self._line.strip():
            return  # blank lines neither count nor part what is equal
        self._count = self._count + 1 if self._line == self._last else 1
        self._last = self._line
