"""Whether an ID is another user's or names nothing cannot be told from the time of the answer."""

from functools import partial

import pytest

from tests.fixtures.server import Server
from tests.id_walk import Operation, Place, operations, places
from tests.wire.answer_times import check_alike
from tests.wire.isolated import Ask, absent, created, over_websocket, world_of
from tests.wire.test_isolation import SHARED


@pytest.mark.timeout(400)
async def test_another_users_id_takes_as_long_as_one_that_names_nothing(server: Server) -> None:
    """The medians of 200 answers to each are within a fifth of each other."""
    ann, bob = server.user("ann"), server.user("bob")
    world = await world_of(ann)
    beside = {"conversationId": await created(bob)}
    async with over_websocket(bob) as ask:
        for place in places(world.schema):
            operation = operations(world.schema, place, beside, asked="__typename")[0]
            for kind, global_id in world.one.items():
                if kind not in SHARED and takes(place, kind):
                    await check(ask, operation, global_id)


def takes(place: Place, kind: str) -> bool:
    """Whether a place is to be given an object of a kind.

    Lists are of conversations. `node` is asked for one's own self, and for a message: all else in
    a conversation is looked for in the same way, and its changes and its URLs are measured too.
    """
    if place.is_list:
        return kind == "Conversation"
    return kind in ("Viewer", "Message") if place.kind == "Node" else kind == place.kind


async def check(ask: Ask, operation: Operation, foreign: str) -> None:
    """Compare the answers to another user's ID with those to one that names nothing."""
    theirs, nothing = (
        partial(ask, operation.document, operation.variables(each))
        for each in (foreign, absent(foreign))
    )
    await check_alike(theirs, nothing, str(operation.place))
