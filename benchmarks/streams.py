"""Streams of tokens: what each costs, how late it is, and whether everything arrives."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from benchmarks.bench import Bench
from benchmarks.client import RelayUser, User, asked, ended
from benchmarks.process import Measured
from benchmarks.table import Row
from benchmarks.tally import Meter, Tally

RATE = 50  # tokens a second
MOST_COST = 7.0  # times the relay's CPU per token
MOST_LATENESS = 10.0  # ms at the median
FLAT_OUT_STREAMS, FLAT_OUT_TOKENS = 20, 4000

_names = count()


@dataclass(frozen=True)
class Round:
    """What one round gave. Times in ms, CPU in µs, `speed` in tokens a second."""

    cpu: float
    p50: float
    p99: float
    speed: float
    delivered: float  # share of the tokens that were asked for
    misplaced: int


async def one(bench: Bench) -> Sequence[Row]:
    """A single stream."""
    return await _paced(bench, 1)


async def hundred(bench: Bench) -> Sequence[Row]:
    """100 streams at once."""
    return await _paced(bench, 100, most=MOST_COST, most_p50=MOST_LATENESS)


async def five_hundred(bench: Bench) -> Sequence[Row]:
    """500 streams at once: more than one core takes."""
    return await _paced(bench, 500)


async def flat_out(bench: Bench) -> Sequence[Row]:
    """Streams that write as fast as they are read."""
    base: list[float] = []
    pybot: list[float] = []
    for _ in range(bench.rounds):
        for users, speeds in (
            ([bench.relay_user() for _ in range(FLAT_OUT_STREAMS)], base),
            ([bench.user(_name()) for _ in range(FLAT_OUT_STREAMS)], pybot),
        ):
            meter, begun = Meter(), time.monotonic()
            await asyncio.gather(*(each.stream(FLAT_OUT_TOKENS, 0, Tally(meter)) for each in users))
            speeds.append(meter.received / (time.monotonic() - begun))
            _require_whole(meter, FLAT_OUT_STREAMS * FLAT_OUT_TOKENS)
    return [Row(f"flat out, {FLAT_OUT_STREAMS} streams", "tokens/s", base, pybot)]


async def first_event(bench: Bench) -> Sequence[Row]:
    """From `sendMessage` to the first event and to the first token, in a new conversation."""
    base: list[float] = []
    events: list[float] = []
    tokens: list[float] = []
    for _ in range(60 if bench.full else 30):
        meter, begun = Meter(), time.monotonic()
        await bench.relay_user().stream(1, 0, Tally(meter))
        base.append((time.monotonic() - begun) * 1000)
        first, token = await _first(bench.user(_name()))
        events.append(first)
        tokens.append(token)
    return [
        Row("sendMessage", "ms to the first event", base, events),
        Row("sendMessage", "ms to the first token", base, tokens),
    ]


async def _first(user: User) -> tuple[float, float]:
    """Milliseconds to the first event and to the first token."""
    first = token = 0.0
    async with user.socket() as socket:
        begun = time.monotonic()
        sent = await user.send(asked(1, 0))
        async for event in user.events(socket, sent["conversation"]["id"], sent["eventCursor"]):
            passed = (time.monotonic() - begun) * 1000
            first = first or passed
            if event["__typename"] == "TextDeltaEvent":
                token = token or passed
            if ended(event):
                break
    return first, token


async def _paced(
    bench: Bench, streams: int, *, most: float | None = None, most_p50: float | None = None
) -> Sequence[Row]:
    base: list[Round] = []
    pybot: list[Round] = []
    for _ in range(bench.rounds):
        base.append(await _round(bench, bench.lab.relay, bench.relay_user, streams))
        pybot.append(await _round(bench, bench.lab.server, lambda: bench.user(_name()), streams))
    name = f"{streams} x {RATE} tokens/s"

    def row(
        figure: str,
        value: Callable[[Round], float],
        most: float | None = None,
        most_pybot: float | None = None,
    ) -> Row:
        return Row(name, figure, [*map(value, base)], [*map(value, pybot)], most, most_pybot)

    return [
        row("CPU µs/token", lambda each: each.cpu, most=most),
        row("p50 ms", lambda each: each.p50, most_pybot=most_p50),
        row("p99 ms", lambda each: each.p99),
        row("tokens/s", lambda each: each.speed),
        row("% delivered", lambda each: each.delivered * 100),
        row("misplaced", lambda each: each.misplaced, most_pybot=0),
    ]


async def _round(
    bench: Bench, process: Measured, user: Callable[[], User | RelayUser], streams: int
) -> Round:
    """Begin all streams, measure while all of them run, and wait for their ends."""
    seconds = 10 if bench.full else 4
    settling = min(2 + streams // 15, 15)  # what so many beginnings at once cost is another matter
    tokens = RATE * (seconds + settling + 1)
    meter = Meter()
    readers = [user().stream(tokens, RATE, Tally(meter)) for _ in range(streams)]
    running = asyncio.gather(*readers)
    await asyncio.sleep(settling)
    meter.lateness.clear()
    received, cpu, begun = meter.received, process.cpu(), time.monotonic()
    await asyncio.sleep(seconds)
    passed, cpu = time.monotonic() - begun, process.cpu() - cpu
    measured = meter.received - received
    p50, p99 = meter.percentile(0.5), meter.percentile(0.99)
    await running
    return Round(
        cpu=cpu / max(measured, 1) * 1e6,
        p50=p50,
        p99=p99,
        speed=measured / passed,
        delivered=meter.received / (tokens * streams),
        misplaced=meter.misplaced,
    )


def _require_whole(meter: Meter, tokens: int) -> None:
    if meter.received != tokens or meter.misplaced:
        raise RuntimeError(f"{meter.received} of {tokens} tokens, {meter.misplaced} misplaced")


def _name() -> str:
    return f"reader-{next(_names)}"
