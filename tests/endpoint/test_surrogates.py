"""Halves of surrogate pairs, legal JSON and no text: refused with their operation alone."""

import json
from typing import Any

import pytest

from pybot.endpoint.surrogates import lone_surrogate_error
from tests.endpoint.conftest import Server, closed, initialised, receive, send, subscribe

HALF, PAIR = "\ud83d", "\\ud83d\\ude00"
GREET = "query Greet($n: String!) {hello(name: $n)}"


@pytest.mark.parametrize(
    ("query", "name", "variables", "words", "argument"),
    [
        (f"{{hello}} # {HALF}", None, None, "`query` has half", None),
        (GREET, f"a{HALF}", {"n": ""}, "`operationName` has half", None),
        (GREET, None, {"n": HALF}, "`$n` has half", ["n"]),
        (GREET, None, {"n": "", "o": [{"p": f"é{HALF}"}]}, "`$o[0].p` has", ["o", "0", "p"]),
        (GREET, None, {"n": {f"k{HALF}": 1}}, "`$n.k?` has half", ["n", "k?"]),
    ],
)
def test_place_is_named(
    query: str, name: str | None, variables: Any, words: str, argument: list[str] | None
) -> None:
    error = lone_surrogate_error(query, name, variables)
    assert error is not None
    assert error.message.startswith(words)
    assert (error.extensions or {}).get("argument") == argument
    assert error.message.encode()


def test_whole_text_is_let_through() -> None:
    assert (
        lone_surrogate_error(GREET + "# 😀", "Greet", {"n": "😀é\0", "m": [None, 1.5, {"é": True}]})
        is None
    )


def deep(item: Any) -> Any:
    for _ in range(5_000):
        item = [item]
    return item


def test_depth_is_no_hindrance() -> None:
    assert lone_surrogate_error(GREET, None, {"n": deep(HALF)}) is not None
    assert lone_surrogate_error(GREET, None, {"n": deep("😀")}) is None


BODIES = [
    {"query": GREET, "variables": {"n": HALF}},
    {"query": f"{{hello}} #{HALF}"},
    {"query": GREET, "operationName": HALF, "variables": {"n": ""}},
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
async def test_request_is_refused_as_bad_input(server: Server, body: Any, accept: str) -> None:
    headers = {"content-type": "application/json", "accept": accept}
    response = await server.http.post("/graphql", content=json.dumps(body), headers=headers)
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "half of a surrogate pair" in error["message"]


async def test_pair_is_a_character(server: Server) -> None:
    """The positive twin: both halves together, as escapes."""
    content = json.dumps({"query": GREET, "variables": {"n": "😀"}})
    assert PAIR in content
    headers = {"content-type": "application/json"}
    response = await server.http.post("/graphql", content=content, headers=headers)
    assert response.json()["data"] == {"hello": "hello 😀"}


async def test_operation_alone_is_refused_on_a_socket(server: Server) -> None:
    """The socket stays, and so do the operations beside it."""
    async with server.socket() as socket:
        await initialised(socket)
        await subscribe(socket, "w", "subscription {wait}")
        assert (await receive(socket))["id"] == "w"
        for number, body in enumerate(BODIES):
            await send(socket, id=f"{number}", type="subscribe", payload=body)
            answer = await receive(socket)
            assert (answer["type"], answer["id"]) == ("error", f"{number}")
            (error,) = answer["payload"]
            assert error["extensions"]["code"] == "BAD_USER_INPUT"
        payload = {"query": GREET, "variables": {"n": "😀"}}
        await send(socket, id="0", type="subscribe", payload=payload)
        assert (await receive(socket))["payload"]["data"] == {"hello": "hello 😀"}
        assert await receive(socket) == {"id": "0", "type": "complete"}
        await send(socket, id="w", type="complete")
    await server.until_generators(0)


async def test_operation_with_half_a_character_for_its_id_is_malformed(server: Server) -> None:
    """No answer could name it; an ID of whole characters may be any."""
    async with server.socket() as socket:
        await initialised(socket)
        await subscribe(socket, "😀", "{hello}")
        assert (await receive(socket))["id"] == "😀"
        assert (await receive(socket))["type"] == "complete"
        await subscribe(socket, HALF, "{hello}")
        assert (await closed(socket))[0] == 4400


@pytest.mark.parametrize("number", ["9" * 5_000, "1e999", "-" + "9" * 30])
async def test_number_out_of_range_is_refused_by_its_place(server: Server, number: str) -> None:
    body = '{"query": "query($n: Int) {items(first: $n) {name}}", "variables": {"n": %s}}' % number  # noqa: UP031
    headers = {"content-type": "application/json"}
    response = await server.http.post("/graphql", content=body, headers=headers)
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["n"]}
