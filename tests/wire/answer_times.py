"""Whether two answers can be told apart by the time that they take."""

import time
from collections.abc import Awaitable, Callable
from statistics import median, quantiles

PAIRS = 200
TOLERANCE = 1.2
TRIES = 3  # of one measurement: the machine does other things meanwhile

Answer = Callable[[], Awaitable[object]]


async def check_alike(one: Answer, other: Answer, name: str) -> None:
    """Measure 200 answers of each; fail when they are more than a fifth apart, each time anew."""
    ratios: list[float] = []
    for _ in range(TRIES):
        ratios.append(await _ratio(one, other))
        if ratios[-1] <= TOLERANCE:
            return
    raise AssertionError((name, ratios))


async def _ratio(one: Answer, other: Answer) -> float:
    """How far apart the times of both answers are, the longer by the shorter; asked in turn.

    By their medians, or by their fastest tenth: beside busy processes half of the answers wait for
    one of them, and then the medians say who waited; a longer way shows in the fastest ones too.
    """
    times: dict[Answer, list[float]] = {one: [], other: []}
    for number in range(PAIRS):
        for answer in (one, other) if number % 2 else (other, one):
            times[answer].append(await _seconds(answer))
    medians = sorted(map(median, times.values()))
    fastest = sorted(quantiles(taken, n=10)[0] for taken in times.values())
    return min(medians[1] / medians[0], fastest[1] / fastest[0])


async def _seconds(answer: Answer) -> float:
    started = time.perf_counter()
    await answer()
    return time.perf_counter() - started
