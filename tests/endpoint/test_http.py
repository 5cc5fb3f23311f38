"""GraphQL over HTTP, at the wire."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import pytest

from tests.endpoint.conftest import Server, Start
from tests.sentences import is_sentence

GRAPHQL = "application/graphql-response+json"


def code_of(response: httpx2.Response) -> str:
    """The code of the one error that a response carries."""
    (error,) = response.json()["errors"]
    assert is_sentence(error["message"])
    code: str = error["extensions"]["code"]
    return code


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL, GRAPHQL),
        (f"{GRAPHQL}; charset=utf-8", GRAPHQL),
        (f"{GRAPHQL}, application/json;q=0.9", GRAPHQL),
        (f"application/json;q=0.9, {GRAPHQL}", GRAPHQL),
        (f"{GRAPHQL};q=0.1, application/json", "application/json"),
        ("application/json;q=0, */*", GRAPHQL),
        ("text/event-stream, multipart/mixed, application/json", "application/json"),
        (f"{GRAPHQL}, application/graphql+json, application/json, text/event-stream", GRAPHQL),
    ],
)
async def test_answer_has_the_media_type_that_was_accepted(
    server: Server, accept: str | None, expected: str
) -> None:
    headers = {"accept": accept} if accept else {}
    if accept is None:
        server.http.headers.pop("accept")
    response = await server.ask("{hello}", headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{expected}; charset=utf-8"
    assert response.json()["data"] == {"hello": "hello world"}


@pytest.mark.parametrize("accept", ["text/plain", "text/html", "application/json;q=0"])
async def test_other_media_types_are_not_acceptable(server: Server, accept: str) -> None:
    response = await server.ask("{hello}", headers={"accept": accept})
    assert (response.status_code, code_of(response)) == (406, "NOT_ACCEPTABLE")


async def test_answers_are_private_and_not_sniffed(server: Server) -> None:
    for response in (await server.ask("{hello}"), await server.http.delete("/graphql")):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "Accept" in response.headers["vary"]


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ("{hello", {}, "GRAPHQL_PARSE_FAILED"),
        ("# only a comment", {}, "GRAPHQL_PARSE_FAILED"),
        ("{nope}", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("fragment F on Query {hello}", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query A {hello} query B {hello}", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: String!) {hello(name: $n)}", {}, "BAD_USER_INPUT"),
        ("query($n: String!) {hello(name: $n)}", {"n": 1}, "BAD_USER_INPUT"),
        ("query($n: Int) {items(first: $n) {name}}", {"n": "x"}, "BAD_USER_INPUT"),
    ],
)
async def test_request_error_is_400_for_the_new_media_type_only(
    server: Server, query: str, variables: dict[str, Any], code: str
) -> None:
    body = {"variables": variables}
    new = await server.ask(query, json=body, headers={"accept": GRAPHQL})
    old = await server.ask(query, json=body, headers={"accept": "application/json"})
    assert (new.status_code, old.status_code) == (400, 200)
    for response in (new, old):
        assert code_of(response) == code
        assert "data" not in response.json()


async def test_operation_is_chosen_by_its_name(server: Server) -> None:
    query = 'query A {hello(name: "a")} query B {hello(name: "b")}'
    chosen = await server.ask(query, json={"operationName": "B"})
    assert chosen.json()["data"] == {"hello": "hello b"}
    unknown = await server.ask(query, json={"operationName": "C"})
    assert code_of(unknown) == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"1",
        b'"x"',
        b"true",
        b"[]",
        b'[{"query": "{hello}"}]',
        b"{",
        b"{}",
        b"\xff\xfe{}",
        '{"query": "{hello}"}'.encode("utf-16"),
        b'{"query": "\xff"}',
        b'{"query": "{hello}", "variables": {"n": NaN}}',
        b'{"query": "{hello}", "variables": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 100_000,
        b'{"query": null}',
        b'{"query": ""}',
        b'{"query": 1}',
        b'{"query": ["{hello}"]}',
        b'{"query": "{hello}", "variables": []}',
        b'{"query": "{hello}", "variables": "{}"}',
        b'{"query": "{hello}", "variables": 0}',
        b'{"query": "{hello}", "extensions": []}',
        b'{"query": "{hello}", "extensions": false}',
        b'{"query": "{hello}", "operationName": 1}',
        b'{"query": "{hello}", "operationName": {}}',
    ],
)
@pytest.mark.parametrize("accept", [GRAPHQL, "application/json"])
async def test_malformed_body_is_a_bad_request(server: Server, body: bytes, accept: str) -> None:
    headers = {"content-type": "application/json", "accept": accept}
    response = await server.http.post("/graphql", content=body, headers=headers)
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")
    assert response.headers["content-type"].startswith(accept)


@pytest.mark.parametrize("name", ["query", "operationName", "variables", "extensions"])
async def test_malformed_field_of_the_body_is_named(server: Server, name: str) -> None:
    response = await server.ask("{hello}", json={name: 1})
    assert code_of(response) == "BAD_REQUEST"
    assert f"`{name}`" in response.json()["errors"][0]["message"]


async def test_nulls_stand_for_what_is_left_out(server: Server) -> None:
    body = {"variables": None, "operationName": None, "extensions": None}
    assert (await server.ask("{hello}", json=body)).json()["data"] == {"hello": "hello world"}


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/graphql",
        "application/jsonx",
        "text/plain; application/json",
        "application/json; charset=utf-16",
    ],
)
async def test_other_content_types_are_refused(server: Server, content_type: str) -> None:
    response = await server.http.post(
        "/graphql", content=b'{"query":"mutation{change}"}', headers={"content-type": content_type}
    )
    assert (response.status_code, code_of(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert server.watched.mutations == 0


async def test_charset_may_be_named(server: Server) -> None:
    response = await server.http.post(
        "/graphql",
        content=b'{"query":"{hello}"}',
        headers={"content-type": 'Application/JSON; charset="UTF-8"'},
    )
    assert response.json()["data"] == {"hello": "hello world"}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
async def test_other_methods_are_not_allowed(server: Server, method: str) -> None:
    response = await server.http.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert method == "HEAD" or code_of(response) == "METHOD_NOT_ALLOWED"


async def test_queries_go_by_get_too(server: Server) -> None:
    parameters = {
        "query": "query A($n: String!) {hello(name: $n)}",
        "variables": '{"n": "é"}',
        "operationName": "A",
        "extensions": "",
    }
    response = await server.http.get("/graphql", params=parameters)
    assert response.json()["data"] == {"hello": "hello é"}


async def test_mutations_go_by_post_only(server: Server) -> None:
    response = await server.http.get("/graphql", params={"query": "mutation {change}"})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert code_of(response) == "METHOD_NOT_ALLOWED"
    assert server.watched.mutations == 0


async def test_subscription_is_not_answered_with_json(server: Server) -> None:
    response = await server.ask("subscription {wait}")
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"query": ""},
        {"query": "{hello}", "variables": "{"},
        {"query": "{hello}", "variables": "[]"},
        {"query": "{hello}", "variables": "[" * 5000},
        {"query": "{hello}", "extensions": "1"},
    ],
)
async def test_malformed_parameters_are_a_bad_request(
    server: Server, parameters: dict[str, str]
) -> None:
    response = await server.http.get("/graphql", params=parameters)
    assert (response.status_code, code_of(response)) == (400, "BAD_REQUEST")


async def test_large_body_is_refused_by_its_declared_length(start: Start) -> None:
    server = await start(max_body_size=1000)
    response = await server.ask("{hello} #" + "x" * 1000)
    assert (response.status_code, code_of(response)) == (413, "PAYLOAD_TOO_LARGE")


async def test_large_body_without_a_length_is_refused(start: Start) -> None:
    server = await start(max_body_size=1000)

    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(20):
            yield b" " * 100
        yield b'{"query": "{hello}"}'

    response = await server.http.post(
        "/graphql", content=chunks(), headers={"content-type": "application/json"}
    )
    assert (response.status_code, code_of(response)) == (413, "PAYLOAD_TOO_LARGE")


async def test_client_gone_in_its_body_is_no_error(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        b"POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"content-length: 100\r\n\r\n{"
    )
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await server.ask("{hello}")).status_code == 200
    assert caplog.records == []


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"origin": "http://{host}"}, True),
        ({"origin": "https://{host}"}, True),
        ({"origin": "https://friend.example"}, True),
        ({"origin": "https://proxied.example", "sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "http://friend.example"}, False),
        ({"origin": "https://friend.example.evil.example"}, False),
        ({"origin": "http://127.0.0.1:1"}, False),
        ({"origin": "null"}, False),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, False),
        ({"origin": ""}, False),
        ({"sec-fetch-site": "cross-site"}, False),
    ],
)
async def test_only_pages_of_known_origins_may_ask(
    start: Start, headers: dict[str, str], allowed: bool
) -> None:
    server: Server = await start(allowed_origins=("https://friend.example",))
    sent = {
        name: value.replace("{host}", f"127.0.0.1:{server.port}") for name, value in headers.items()
    }
    response = await server.ask("mutation {change}", headers=sent)
    assert server.watched.mutations == int(allowed)
    if not allowed:
        assert (response.status_code, code_of(response)) == (403, "FORBIDDEN_ORIGIN")


async def test_cache_lasts_for_one_operation(server: Server) -> None:
    for _ in range(2):
        response = await server.ask("{a: counted b: counted}")
        assert response.json()["data"] == {"a": 1, "b": 2}
