"""What readers got of the pump's tokens: in order, each once, and how late."""

import time
from dataclasses import dataclass, field


@dataclass
class Meter:
    """What all readers of a measurement got together; lateness in microseconds."""

    received: int = 0
    misplaced: int = 0  # missing, doubled or out of order
    lateness: list[int] = field(default_factory=list[int])

    def percentile(self, share: float) -> float:
        """The lateness in ms that this share of tokens does not exceed."""
        if not self.lateness:
            return float("nan")
        ordered = sorted(self.lateness)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] / 1000


class Tally:
    """One reader of one stream."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._rest = ""
        self._expected = 0

    def feed(self, text: str) -> None:
        """Take text in; a delta may hold several tokens, or none whole."""
        now = time.monotonic_ns() // 1000
        *tokens, self._rest = (self._rest + text).split(";")
        for token in tokens:
            index, _, written = token.partition(":")
            if int(index) != self._expected:
                self._meter.misplaced += 1
            self._expected = int(index) + 1
            self._meter.lateness.append(now - int(written))
        self._meter.received += len(tokens)
