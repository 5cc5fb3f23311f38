"""GraphQL over server-sent events, at the wire."""

from typing import Any

import httpx2
import pytest

from tests.endpoint.conftest import Server, Start
from tests.endpoint.sample import SECRET
from tests.endpoint.streaming import ask, results, streaming
from tests.event_stream import ACCEPT

GRAPHQL = "application/graphql-response+json"
URQL = f"{GRAPHQL}, application/graphql+json, application/json, text/event-stream, multipart/mixed"


async def test_subscription_streams_its_results_and_completes(server: Server) -> None:
    events = await ask(server, "subscription {ticks {number}}")
    assert [each["data"] for each in results(events)] == [
        {"ticks": {"number": n}} for n in (1, 2, 3)
    ]
    await server.until_generators(0)


@pytest.mark.parametrize(
    ("query", "data"),
    [("{hello}", {"hello": "hello world"}), ("mutation {change}", {"change": 1})],
)
async def test_other_operations_stream_one_result(
    server: Server, query: str, data: dict[str, Any]
) -> None:
    assert [each["data"] for each in results(await ask(server, query))] == [data]


async def test_operation_may_come_by_get(server: Server) -> None:
    parameters = {"query": "subscription($n: Int) {ticks(to: $n) {number}}", "variables": '{"n":1}'}
    response = await server.http.get("/graphql", params=parameters, headers=ACCEPT)
    assert response.text == (
        ':\n\nevent: next\ndata: {"data":{"ticks":{"number":1}},'
        '"extensions":{"cost":{"requested":2,"limit":5000}}}\n\n'
        "event: complete\ndata:\n\n"
    )


async def test_mutation_does_not_come_by_get(server: Server) -> None:
    """So a page of another site cannot change anything by opening an `EventSource`."""
    response = await server.http.get(
        "/graphql", params={"query": "mutation {change}"}, headers=ACCEPT
    )
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert server.watched.mutations == 0


async def test_headers_keep_proxies_from_collecting_events(server: Server) -> None:
    async with streaming(server, "{hello}") as stream:
        response = stream.response
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert response.headers["cache-control"] == "no-cache, no-store"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accept", "query_is_streamed", "subscription_is_streamed"),
    [
        ("text/event-stream", True, True),
        ("text/*", True, True),
        ("text/event-stream, application/json;q=0.9", True, True),
        ("text/event-stream;q=0.5, application/json;q=0.4, */*;q=0.1", True, True),
        (URQL, False, True),
        ("text/event-stream, application/json", False, True),
        ("application/json, text/event-stream;q=0.1", False, True),
        ("application/json, text/event-stream;q=0", False, False),
        ("application/json", False, False),
        ("*/*", False, False),
        ("application/json;q=0, text/event-stream;q=0, */*", False, False),
    ],
)
async def test_stream_is_given_to_who_prefers_it_and_to_subscriptions(
    server: Server, accept: str, query_is_streamed: bool, subscription_is_streamed: bool
) -> None:
    query = await server.ask("{hello}", headers={"accept": accept})
    assert query.status_code == 200
    assert query.headers["content-type"].startswith("text/event-stream") is query_is_streamed
    subscription = await server.ask("subscription {ticks {number}}", headers={"accept": accept})
    if subscription_is_streamed:
        assert subscription.text.endswith("event: complete\ndata:\n\n")
    else:
        assert subscription.status_code == 400
        assert subscription.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("subscription {", {}, "GRAPHQL_PARSE_FAILED"),
        ("subscription {nope}", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription A {wait} subscription B {wait}", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("subscription($n: Int!) {ticks(to: $n) {number}}", {}, "BAD_USER_INPUT"),
        ("subscription {" + "wait " * 501 + "}", {}, "QUERY_TOO_EXPENSIVE"),
    ],
)
async def test_refused_operation_is_an_event_without_data(
    server: Server, query: str, variables: dict[str, Any], code: str
) -> None:
    (result,) = results(await ask(server, query, variables=variables))
    assert [error["extensions"]["code"] for error in result["errors"]] == [code]
    assert "data" not in result
    assert server.watched.generators == 0


async def test_failure_of_a_subscription_is_its_last_event(server: Server) -> None:
    *rest, last = results(await ask(server, "subscription {expired(after: 2)}"))
    assert [each["data"] for each in rest] == [{"expired": 0}, {"expired": 1}]
    assert last["errors"][0]["extensions"] == {"code": "NOT_FOUND"}


async def test_bug_is_masked(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    *_, last = results(await ask(server, "subscription {broken(after: 1)}"))
    (error,) = last["errors"]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert SECRET not in str(last)
    assert error["extensions"]["id"] in caplog.text


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"query":"{hello}"}', "text/plain", 415),
        (b'{"query":"{hello}"}' + b" " * 1000, "application/json", 413),
    ],
    ids=["no JSON", "a batch", "another type", "too long"],
)
async def test_request_that_is_none_is_refused_before_the_stream(
    start: Start, body: bytes, content_type: str, status: int
) -> None:
    server = await start(max_body_size=1000)
    headers = {**ACCEPT, "content-type": content_type}
    response = await server.http.post("/graphql", content=body, headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json()["errors"][0]["message"]


async def test_long_address_is_refused(start: Start) -> None:
    server = await start(max_body_size=1000)
    for length, status in ((900, 200), (1000, 413)):
        parameters = {"query": "{hello}#" + "x" * length}
        response = await server.http.get("/graphql", params=parameters, headers=ACCEPT)
        assert response.status_code == status


async def test_broken_context_is_an_error_before_the_stream(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    response = await server.ask("subscription {wait}", headers={**ACCEPT, "x-user": "broken"})
    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["id"] in caplog.text


@pytest.mark.parametrize(
    "query",
    [
        "subscription {steps {cursor}}",
        "subscription {steps {__typename}}",
        "subscription {a: steps {odd}}",
        "subscription {steps {b: cursor odd}}",
    ],
)
async def test_events_have_their_cursor_as_id_whatever_is_selected(
    server: Server, query: str
) -> None:
    *steps, failure, complete = await ask(server, query)
    assert [event.id for event in steps] == ["1", "2", "3"]
    assert failure.result["errors"]
    assert (failure.id, complete.id) == (None, None)


async def test_events_without_a_cursor_and_queries_have_no_id(server: Server) -> None:
    for query in ("subscription {ticks {number}}", "subscription {expired(after: 1)}", "{hello}"):
        assert {event.id for event in await ask(server, query)} == {None}


async def test_last_event_id_reaches_the_context(server: Server) -> None:
    events = await ask(server, "subscription {steps {cursor}}", headers={"last-event-id": "2"})
    assert [event.id for event in events] == ["3", None, None]


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"origin": "http://{host}"}, True),
        ({"origin": "https://friend.example", "sec-fetch-site": "cross-site"}, True),
        ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
    ],
)
async def test_only_pages_of_known_origins_may_open_streams(
    start: Start, headers: dict[str, str], allowed: bool
) -> None:
    server = await start(allowed_origins=("https://friend.example",))
    host = f"127.0.0.1:{server.port}"
    sent = {name: value.replace("{host}", host) for name, value in headers.items()}
    parameters = {"query": "subscription {ticks {number}}"}
    response = await server.http.get("/graphql", params=parameters, headers={**ACCEPT, **sent})
    assert (response.status_code, server.watched.sent) == ((200, 3) if allowed else (403, 0))


async def test_stream_leaves_its_connection_open_for_the_next_request(server: Server) -> None:
    limits = httpx2.Limits(max_connections=1)
    base = server.http.base_url
    async with httpx2.AsyncClient(base_url=base, limits=limits) as http:
        for _ in range(2):
            response = await http.post("/graphql", json={"query": "{hello}"}, headers=ACCEPT)
            assert "hello world" in response.text
            assert "connection" not in response.headers
