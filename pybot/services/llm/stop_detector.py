"""Finds where a response ends, by its text: no I/O.

TGI looks for a stop sequence at the end of the text after each token, so that a token that goes on
behind the sequence (a fence, then two line ends) is missed; and an end token that is none of the
model's own special tokens comes as text, in pieces. This corrects both.
"""

from collections.abc import Sequence


class StopDetector:
    """Fed with pieces of text, it gives back what may be shown, up to the end.

    The end is the first of: a stop sequence, which is part of the text, or the end token, which
    is not. What could be the beginning of an end token is held back until that is decided.
    """

    def __init__(self, stop: Sequence[str], end_token: str) -> None:
        self._stop = [sequence for sequence in stop if sequence]
        self._end_token = end_token
        self._reach = max((len(each) for each in self._stop), default=1) - 1
        self._seen = ""  # the end of what was shown, as far as a stop sequence can reach back
        self._held = ""
        self.reached = False

    def feed(self, piece: str) -> str:
        """What of the text so far may be shown now; nothing after the end."""
        if self.reached:
            return ""
        text = self._held + piece
        cut = self._cut(text)
        if cut is not None:
            self.reached = True
            self._held = ""
            return text[:cut]
        held = self._partial(text)
        shown, self._held = (text[:-held], text[-held:]) if held else (text, "")
        self._seen = (self._seen + shown)[-self._reach :] if self._reach else ""
        return shown

    def rest(self) -> str:
        """What was held back, which is text after all: call it when nothing more comes."""
        held, self._held = self._held, ""
        return held

    def _cut(self, text: str) -> int | None:
        """Where `text` ends, None when it goes on."""
        window = self._seen + text
        cuts: list[int] = []
        for sequence in self._stop:
            found = window.find(sequence)
            if found >= 0:
                cuts.append(found + len(sequence) - len(self._seen))
        if self._end_token:
            found = text.find(self._end_token)
            if found >= 0:
                cuts.append(found)
        return min(cuts, default=None)

    def _partial(self, text: str) -> int:
        """How many characters at the end of `text` may begin an end token."""
        token = self._end_token
        if not token or token[0] not in text[1 - len(token) :]:
            return 0
        for length in range(min(len(token) - 1, len(text)), 0, -1):
            if text.endswith(token[:length]):
                return length
        return 0
