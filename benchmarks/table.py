"""The table of a run: each figure beside its base, their ratio, and the machine's noise."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from statistics import median

MANY = 8  # values whose extremes are left out of the noise
HEADER = ("scenario", "figure", "base", "Pybot", "ratio", "goal", "noise")


@dataclass(frozen=True)
class Row:
    """A figure of Pybot's beside its base; both have one value for each interleaved round.

    `noise` is how far the base's own values lie apart, as a share of their median.
    """

    scenario: str
    figure: str
    base: Sequence[float]
    pybot: Sequence[float]
    most: float | None = None  # the ratio that is to be reached
    most_pybot: float | None = None  # the figure that is to be reached

    @property
    def ratio(self) -> float:
        """Pybot's median to the base's; not a number when that is 0."""
        base = median(self.base)
        return median(self.pybot) / base if base else float("nan")

    @property
    def noise(self) -> float:
        """How far the base's values lie apart; of many the middle half, as some are always late."""
        values, middle = sorted(self.base), median(self.base)
        aside = len(values) // 4 if len(values) >= MANY else 0
        return (values[-1 - aside] - values[aside]) / middle if middle else 0.0

    @property
    def is_met(self) -> bool:
        """Whether the goal was reached, if there is one."""
        met_ratio = self.most is None or self.ratio <= self.most
        return met_ratio and (self.most_pybot is None or median(self.pybot) <= self.most_pybot)

    def as_json(self) -> dict[str, object]:
        """Everything, for a later comparison."""
        return {
            **asdict(self),
            "ratio": self.ratio if isfinite(self.ratio) else None,
            "noise": self.noise,
        }

    def cells(self) -> tuple[str, ...]:
        """What the table shows."""
        ratio = f"{self.ratio:.2f} x" if isfinite(self.ratio) else "-"
        base = _short(median(self.base))
        noise = f"± {self.noise / 2:.0%}" if len(self.base) > 1 else "-"
        return (
            self.scenario,
            self.figure,
            base,
            _short(median(self.pybot)),
            ratio,
            self._goal(),
            noise,
        )

    def _goal(self) -> str:
        if self.most is not None:
            return f"≤ {self.most:g} x {'met' if self.is_met else 'MISSED'}"
        if self.most_pybot is None:
            return ""
        missed = "MISSED" if median(self.base) <= self.most_pybot else "unclear: the base as well"
        return f"≤ {self.most_pybot:g} {'met' if self.is_met else missed}"


def table(rows: Sequence[Row]) -> str:
    """The rows as a table in Markdown, aligned."""
    lines = [HEADER, *(row.cells() for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEADER))]
    shown = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines]
    shown.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(shown)


def document(rows: Sequence[Row], conditions: dict[str, object]) -> str:
    """The rows as JSON, with what they were measured under."""
    return json.dumps({"conditions": conditions, "rows": [row.as_json() for row in rows]}, indent=1)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
