"""Text of which a beginning is shown, more is stored, and the rest is dropped."""

from collections.abc import Sequence


class BoundedText:
    """A stream's text: `shown` code points for the log, `stored` bytes for download.

    Uses bounded memory however much is added.
    """

    def __init__(self, *, shown: int, stored: int) -> None:
        self._room = shown
        self._shown: list[str] = []
        self._max_stored = stored
        self._stored = bytearray()
        self.length = 0  # of what is shown, in code points
        self.is_cut = False

    @property
    def text(self) -> str:
        """What is shown."""
        return "".join(self._shown)

    @property
    def data(self) -> bytes:
        """What is stored of a text that was cut: UTF-8 from its beginning, up to the limit."""
        return whole_characters(bytes(self._stored))

    @property
    def is_full(self) -> bool:
        """Whether everything that comes from now on is dropped."""
        return self.is_cut and len(self._stored) >= self._max_stored

    def add(self, text: str) -> str:
        """Take more text; give the beginning of it that is still shown."""
        piece = text[: self._room]
        if piece:
            self._shown.append(piece)
            self._room -= len(piece)
            self.length += len(piece)
        if len(piece) < len(text) and not self.is_cut:
            self.is_cut = True
            self._store(self.text)
        if self.is_cut:
            self._store(text[len(piece) :])
        return piece

    def show_no_more(self) -> None:
        """Show nothing of the text that is added from now on."""
        self._room = 0

    def _store(self, text: str) -> None:
        room = self._max_stored - len(self._stored)
        if room > 0:
            # No character is shorter than a byte, so this many are enough.
            self._stored += text[:room].encode(errors="replace")[:room]


def whole_characters(data: bytes) -> bytes:
    """UTF-8 that was cut anywhere, without the half of a character at its end."""
    return data.decode(errors="ignore").encode()


def last_lines(lines: Sequence[str], length: int) -> tuple[str, ...]:
    """The last of the lines, `length` code points together at most."""
    stored: list[str] = []
    for line in reversed(lines):
        if length <= 0:
            break
        stored.append(line[-length:])
        length -= len(line)
    return tuple(reversed(stored))
