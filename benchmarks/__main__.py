"""`python -m benchmarks [--full] [SCENARIO …]`: measure, print the table, keep it as JSON."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import uvloop

from benchmarks import conversations, idle, kernels, streams
from benchmarks.bench import Bench, Scenario
from benchmarks.lab import open_lab
from benchmarks.process import OTHER_CORES, SERVER_CORE, core_busy
from benchmarks.table import Row, document, table

QUICK: dict[str, Scenario] = {
    "one": streams.one,
    "hundred": streams.hundred,
    "flat-out": streams.flat_out,
    "first-event": streams.first_event,
    "cells": kernels.cells,
    "newest": conversations.newest,
    "long": conversations.long,
    "idle": idle.idle,
}
FULL: dict[str, Scenario] = {**QUICK, "five-hundred": streams.five_hundred}
KEPT = Path("build/bench")


def main() -> None:
    """Run the scenarios that are asked for; exits with 1 when a goal was missed."""
    parser = _parser()
    options = parser.parse_args()
    if unknown := set(options.scenario) - set(FULL):
        parser.error(f"unknown: {', '.join(unknown)} (there are {', '.join(FULL)})")
    names = options.scenario or list(FULL if options.full else QUICK)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows, conditions = runner.run(_run(names, full=options.full))
    _say("", table(rows), "", _described(conditions))
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    kept.write_text(document(rows, conditions))
    _say(f"Kept as {kept}.")
    sys.exit(any(not row.is_met for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description="What Pybot costs.")
    parser.add_argument("scenario", nargs="*", help=f"of {', '.join(FULL)}")
    parser.add_argument("--full", action="store_true", help="every scenario, larger and longer")
    return parser


async def _run(names: Sequence[str], *, full: bool) -> tuple[list[Row], dict[str, object]]:
    """The rows, and what they were measured under."""
    rows: list[Row] = []
    load, begun = os.getloadavg()[0], time.monotonic()
    connector = aiohttp.TCPConnector(limit=0)
    async with open_lab() as lab, aiohttp.ClientSession(connector=connector) as session:
        bench = Bench(lab, session, full)
        busy, own = core_busy(), lab.server.cpu() + lab.relay.cpu()
        since = time.monotonic()
        for name in names:
            _say(f"{name} …")
            rows += await FULL[name](bench)
        others = core_busy() - busy - (lab.server.cpu() + lab.relay.cpu() - own)
        conditions: dict[str, object] = {
            "full": full,
            "seconds": round(time.monotonic() - begun),
            "server core": sorted(SERVER_CORE),
            "other cores": sorted(OTHER_CORES),
            "load before": load,
            "load after": os.getloadavg()[0],
            "others on the server's core": max(others, 0) / (time.monotonic() - since),
        }
    return rows, conditions


def _described(conditions: dict[str, object]) -> str:
    return (
        "{seconds} s; load {load before:.1f} before, {load after:.1f} after; other programs took "
        "{others on the server's core:.0%} of the server's core. Base: a bare relay from "
        "server-sent events to a WebSocket, a bare kernel, or the smaller size; noise: how far "
        "the base's own rounds lie from each other."
    ).format_map(conditions)


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
