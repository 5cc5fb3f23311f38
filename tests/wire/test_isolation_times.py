"""Whether an ID is another user's or names nothing cannot be told from the time of the answer."""

import time
from statistics import median, quantiles
from typing import Any

import pytest

from tests.fixtures.server import Server
from tests.id_walk import Operation, Place, operations, places
from tests.wire.isolated import Ask, absent, over_websocket, world_of
from tests.wire.test_isolation import SHARED

PAIRS = 200
TOLERANCE = 1.2
TRIES = 3  # of one measurement: the machine does other things meanwhile


async def seconds(ask: Ask, operation: Operation, global_id: str) -> float:
    """How long an answer takes."""
    variables = operation.variables(global_id)
    started = time.perf_counter()
    await ask(operation.document, variables)
    return time.perf_counter() - started


async def ratio(ask: Ask, operation: Operation, foreign: str) -> float:
    """How far apart the times of both answers are, the longer by the shorter; asked in turn.

    By their medians, or by their fastest tenth: beside busy processes half of the answers wait for
    one of them, and then the medians say who waited; a longer way shows in the fastest ones too.
    """
    nothing = absent(foreign)
    times: dict[str, list[float]] = {foreign: [], nothing: []}
    for number in range(PAIRS):
        for global_id in (foreign, nothing) if number % 2 else (nothing, foreign):
            times[global_id].append(await seconds(ask, operation, global_id))
    medians = sorted(map(median, times.values()))
    fastest = sorted(quantiles(taken, n=10)[0] for taken in times.values())
    return min(medians[1] / medians[0], fastest[1] / fastest[0])


@pytest.mark.timeout(400)
async def test_another_users_id_takes_as_long_as_one_that_names_nothing(server: Server) -> None:
    """The medians of 200 answers to each are within a fifth of each other."""
    ann, bob = server.user("ann"), server.user("bob")
    world, own = await world_of(ann), await world_of(bob)
    async with over_websocket(bob) as ask:
        for place in places(world.schema):
            operation = operations(world.schema, place, own.beside(), asked="__typename")[0]
            for kind, global_id in world.one.items():
                if kind not in SHARED and takes(place, kind):
                    await check(ask, operation, global_id)


def takes(place: Place, kind: str) -> bool:
    """Whether a place is to be given an object of a kind; lists are of one kind alone."""
    return kind == ("Conversation" if place.is_list else place.kind) or (
        place.kind == "Node" and not place.is_list
    )


async def check(ask: Ask, operation: Operation, foreign: str) -> None:
    """Measure, and once more where the times differ."""
    ratios: list[Any] = []
    for _ in range(TRIES):
        ratios.append(await ratio(ask, operation, foreign))
        if ratios[-1] <= TOLERANCE:
            return
    raise AssertionError((str(operation.place), ratios))
