"""Every answer says what its operation costs, and the most that one may."""

from typing import Any

import pytest

from tests.endpoint.conftest import Server, Start, initialised, receive, send
from tests.event_stream import ACCEPT

PAGE = "query($n: Int) {items(first: $n) {name}}"


def cost(requested: int, limit: int = 5000) -> dict[str, Any]:
    """The extensions of an answer."""
    return {"cost": {"requested": requested, "limit": limit}}


@pytest.mark.parametrize(
    ("query", "variables", "requested"),
    [
        ("{hello}", {}, 1),
        ("mutation {change}", {}, 1),
        (PAGE, {}, 21),
        (PAGE, {"n": 7}, 8),
        ("{boom}", {}, 1),
        ("{nope}", {}, 1),
        (PAGE, {"n": "x"}, 2),
    ],
)
async def test_answer_over_http_has_its_cost(
    server: Server, query: str, variables: dict[str, Any], requested: int
) -> None:
    """Also one with errors, and that of an operation that is not executed."""
    answer = (await server.ask(query, json={"variables": variables})).json()
    assert answer["extensions"] == cost(requested)


@pytest.mark.parametrize(
    "query", ["{", "query A {hello} query B {hello}", "fragment F on Query {x}"]
)
async def test_what_is_no_operation_has_no_cost(server: Server, query: str) -> None:
    answer = (await server.ask(query)).json()
    assert answer["errors"]
    assert "extensions" not in answer


@pytest.mark.parametrize(("given", "is_refused"), [(9, False), (10, True)])
async def test_refusal_says_what_was_asked_for(start: Start, given: int, is_refused: bool) -> None:
    server = await start(limits={"cost": 10})
    answer = (await server.ask(PAGE, json={"variables": {"n": given}})).json()
    assert answer["extensions"] == cost(given + 1, 10)
    assert ("errors" in answer) is is_refused
    if is_refused:
        (error,) = answer["errors"]
        assert error["extensions"] == {"code": "QUERY_TOO_EXPENSIVE", **cost(given + 1, 10)}


async def test_cost_beyond_all_numbers_is_the_largest_one(server: Server) -> None:
    levels = "".join(
        f"fragment F{n} on Item {{items(first: 100) {{...F{n + 1}}}}} " for n in range(9)
    )
    answer = (await server.ask(f"{{item {{...F0}}}} {levels} fragment F9 on Item {{name}}")).json()
    assert answer["extensions"] == cost(2**31 - 1)


async def test_socket_carries_the_cost_with_the_first_result(start: Start) -> None:
    server = await start(limits={"cost": 10})
    async with server.socket() as socket:
        await initialised(socket)
        query = "subscription {ticks(to: 2) {number}}"
        await send(socket, type="subscribe", id="1", payload={"query": query})
        assert (await receive(socket))["payload"]["extensions"] == cost(2, 10)
        assert "extensions" not in (await receive(socket))["payload"]
        assert (await receive(socket))["type"] == "complete"
        payload = {"query": PAGE, "variables": {"n": 10}}
        await send(socket, type="subscribe", id="2", payload=payload)
        (error,) = (await receive(socket))["payload"]
        assert error["extensions"] == {"code": "QUERY_TOO_EXPENSIVE", **cost(11, 10)}


async def test_event_stream_carries_the_cost_with_the_first_result(server: Server) -> None:
    query = "subscription {ticks(to: 2) {number}}"
    text = (await server.ask(query, headers=ACCEPT)).text
    assert text.count('"extensions":{"cost":{"requested":2,"limit":5000}}') == 1
    refused = (await server.ask(PAGE, json={"variables": {"n": "x"}}, headers=ACCEPT)).text
    assert '"extensions":{"cost":{"requested":2,"limit":5000}}' in refused
