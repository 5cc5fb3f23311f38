"""The protocol graphql-transport-ws, message by message, at the wire."""

import json
from typing import Any

import pytest
from websockets.typing import Subprotocol

from pybot.endpoint.limits import ConnectionLimits
from tests.endpoint.conftest import (
    Server,
    Start,
    closed,
    initialised,
    receive,
    send,
    subscribe,
)
from tests.endpoint.sample import SECRET

HELLO = {"query": "{hello}"}


async def test_queries_mutations_and_subscriptions_run(server: Server) -> None:
    async with server.socket() as socket:
        await initialised(socket)
        await subscribe(socket, "q", "{hello}")
        assert await receive(socket) == {
            "id": "q",
            "type": "next",
            "payload": {"data": {"hello": "hello world"}},
        }
        assert await receive(socket) == {"id": "q", "type": "complete"}
        await subscribe(socket, "m", "mutation {change}")
        assert (await receive(socket))["payload"] == {"data": {"change": 1}}
        assert await receive(socket) == {"id": "m", "type": "complete"}
        await subscribe(socket, "s", "subscription {ticks {number}}")
        for number in (1, 2, 3):
            assert (await receive(socket))["payload"] == {"data": {"ticks": {"number": number}}}
        assert await receive(socket) == {"id": "s", "type": "complete"}
    await server.until_generators(0)


@pytest.mark.parametrize("payload", [{}, {"payload": None}, {"payload": {"token": "x"}}])
async def test_connection_is_acknowledged(server: Server, payload: dict[str, Any]) -> None:
    async with server.socket() as socket:
        await send(socket, type="connection_init", **payload)
        assert await receive(socket) == {"type": "connection_ack"}


async def test_ping_is_answered_before_and_after_the_greeting(server: Server) -> None:
    async with server.socket() as socket:
        await send(socket, type="ping")
        assert await receive(socket) == {"type": "pong"}
        await initialised(socket)
        await send(socket, type="pong", payload={"x": 1})
        await send(socket, type="ping", payload={"x": 1})
        assert await receive(socket) == {"type": "pong"}


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "not json",
        "null",
        "1",
        "true",
        '"x"',
        "[]",
        '[{"type": "ping"}]',
        "{}",
        "[" * 100_000,
        '{"type": null}',
        '{"type": 1}',
        '{"type": {}}',
        '{"type": ["ping"]}',
        '{"type": "nope"}',
        '{"type": "start", "id": "1"}',
        json.dumps({"type": "é" * 1000}),
        '{"type": "\\ud800"}',
        '{"type": "connection_ack"}',
        '{"type": "connection_init", "payload": []}',
        '{"type": "connection_init", "payload": "x"}',
        '{"type": "connection_init", "payload": 0}',
        '{"type": "ping", "payload": 1}',
        '{"type": "pong", "payload": false}',
        '{"type": "complete"}',
        '{"type": "complete", "id": null}',
        '{"type": "complete", "id": {}}',
        '{"type": "complete", "id": ""}',
        '{"type": "subscribe", "payload": {"query": "{hello}"}}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{hello}"}}',
        '{"type": "subscribe", "id": ["1"], "payload": {"query": "{hello}"}}',
        '{"type": "subscribe", "id": {"a": 1}, "payload": {"query": "{hello}"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{hello}"}}',
        '{"type": "subscribe", "id": "1"}',
        '{"type": "subscribe", "id": "1", "payload": null}',
        '{"type": "subscribe", "id": "1", "payload": "{hello}"}',
        '{"type": "subscribe", "id": "1", "payload": ["{hello}"]}',
        '{"type": "subscribe", "id": "1", "payload": {}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": null}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": {}}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{hello}", "variables": []}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{hello}", "extensions": 1}}',
        '{"type": "subscribe", "id": "1", "payload": {"query": "{hello}", "operationName": 1}}',
        b'{"type": "ping"}',
        b"\xff",
    ],
)
@pytest.mark.parametrize("greeted", [False, True])
async def test_malformed_frame_closes_with_a_reason(
    server: Server, frame: str | bytes, greeted: bool
) -> None:
    async with server.socket() as socket:
        if greeted:
            await initialised(socket)
        await socket.send(frame)
        code, reason = await closed(socket)
        assert code == 4400
        assert 0 < len(reason.encode()) <= 123
    assert (await server.ask("{hello}")).status_code == 200


async def test_subscribe_before_the_greeting_is_unauthorised(server: Server) -> None:
    async with server.socket() as socket:
        await subscribe(socket, "1", "{hello}")
        assert (await closed(socket))[0] == 4401


async def test_second_greeting_closes(server: Server) -> None:
    async with server.socket() as socket:
        await initialised(socket)
        await send(socket, type="connection_init")
        assert (await closed(socket))[0] == 4429


async def test_missing_greeting_closes_in_time(start: Start) -> None:
    server = await start(connections=ConnectionLimits(init_timeout=0.1))
    async with server.socket() as socket:
        assert (await closed(socket))[0] == 4408


async def test_id_in_use_closes(server: Server) -> None:
    async with server.socket() as socket:
        await initialised(socket)
        await subscribe(socket, "1", "subscription {wait}")
        assert (await receive(socket))["type"] == "next"
        await subscribe(socket, "1", "{hello}")
        assert (await closed(socket))[0] == 4409
    await server.until_generators(0)


async def test_long_id_in_use_closes_with_a_short_reason(server: Server) -> None:
    async with server.socket() as socket:
        await initialised(socket)
        for _ in range(2):
            await subscribe(socket, "é" * 500, "subscription {wait}")
        code, reason = await closed(socket)
        assert code == 4409
        assert 100 < len(reason.encode()) <= 123


@pytest.mark.parametrize(
    ("offered", "accepted"),
    [
        (["graphql-transport-ws"], True),
        (["graphql-ws", "graphql-transport-ws"], True),
        (["graphql-ws"], False),
        (["nope"], False),
        (None, False),
    ],
)
async def test_only_the_one_protocol_is_spoken(
    server: Server, offered: list[Subprotocol] | None, accepted: bool
) -> None:
    async with server.socket(subprotocols=offered) as socket:
        if accepted:
            assert socket.subprotocol == "graphql-transport-ws"
            await initialised(socket)
        else:
            assert (await closed(socket))[0] == 4406


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{hello"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": ""}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{nope}"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{hello}", "operationName": "X"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query A {hello} query B {hello}"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "query($n: String!) {hello(name: $n)}"}, "BAD_USER_INPUT"),
        ({"query": "subscription($n: Int!) {ticks(to: $n) {number}}"}, "BAD_USER_INPUT"),
        ({"query": "{items(first: 100) {items(first: 100) {name}}}"}, "QUERY_TOO_EXPENSIVE"),
        ({"query": "subscription {ticks {number} wait}"}, "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_request_error_ends_its_operation_only(
    server: Server, payload: dict[str, Any], code: str
) -> None:
    async with server.socket() as socket:
        await initialised(socket)
        await subscribe(socket, "other", "subscription {wait}")
        assert (await receive(socket))["id"] == "other"
        await send(socket, type="subscribe", id="1", payload=payload)
        message = await receive(socket)
        assert (message["id"], message["type"]) == ("1", "error")
        assert [error["extensions"]["code"] for error in message["payload"]] == [code]
        await subscribe(socket, "1", "{hello}")
        assert (await receive(socket))["payload"] == {"data": {"hello": "hello world"}}
        assert server.watched.generators == 1
    await server.until_generators(0)


async def test_complete_ends_the_generator_and_frees_the_id(server: Server) -> None:
    async with server.socket() as socket:
        await initialised(socket)
        await send(socket, type="complete", id="unknown")
        for _ in range(3):
            await subscribe(socket, "1", "subscription {wait}")
            assert (await receive(socket))["type"] == "next"
            await server.until_generators(1)
            await send(socket, type="complete", id="1")
            await server.until_generators(0)


@pytest.mark.parametrize("after", [0, 2])
async def test_expected_failure_of_a_stream_ends_it_with_its_code(
    server: Server, caplog: pytest.LogCaptureFixture, after: int
) -> None:
    async with server.socket() as socket:
        await initialised(socket)
        await subscribe(socket, "1", f"subscription {{expired(after: {after})}}")
        for number in range(after):
            assert (await receive(socket))["payload"] == {"data": {"expired": number}}
        message = await receive(socket)
        assert message["type"] == "error"
        assert message["payload"] == [
            {"message": "The cursor is too old.", "extensions": {"code": "NOT_FOUND"}}
        ]
    assert caplog.records == []


@pytest.mark.parametrize("after", [0, 2])
async def test_bug_in_a_stream_is_masked(
    server: Server, caplog: pytest.LogCaptureFixture, after: int
) -> None:
    async with server.socket() as socket:
        await initialised(socket)
        await subscribe(socket, "1", f"subscription {{broken(after: {after})}}")
        for _ in range(after):
            await receive(socket)
        message = await receive(socket)
        assert message["type"] == "error"
        (error,) = message["payload"]
        assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
        assert error["extensions"]["id"] in caplog.text
        assert SECRET not in json.dumps(message)


async def test_bug_in_an_event_is_masked_and_the_stream_goes_on(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.socket() as socket:
        await initialised(socket)
        await subscribe(socket, "1", "subscription {ticks {number odd}}")
        first, second, third = [(await receive(socket))["payload"] for _ in range(3)]
        assert first == {"data": {"ticks": {"number": 1, "odd": True}}}
        assert third == {"data": {"ticks": {"number": 3, "odd": True}}}
        assert second["data"] == {"ticks": {"number": 2, "odd": None}}
        (error,) = second["errors"]
        assert error["path"] == ["ticks", "odd"]
        assert error["extensions"]["id"] in caplog.text
        assert SECRET not in json.dumps(second)


async def test_cache_lasts_for_one_event(server: Server) -> None:
    async with server.socket() as socket:
        await initialised(socket)
        await subscribe(socket, "1", "subscription {ticks {a: counted b: counted}}")
        for _ in range(3):
            assert (await receive(socket))["payload"] == {"data": {"ticks": {"a": 1, "b": 2}}}
        assert (await receive(socket))["type"] == "complete"
        for operation_id in "23":
            await subscribe(socket, operation_id, "{a: counted b: counted}")
            assert (await receive(socket))["payload"] == {"data": {"a": 1, "b": 2}}
            assert (await receive(socket))["type"] == "complete"
