"""Whatever stands in an argument, no operation ends in a bug, a status of 500 or a closed socket.

The operations are made from the schema, one for each argument of each root field, mutation and
connection, so that a new one is tried as soon as it is served.
"""

# Answers are any JSON, and graphql-core's types are generic in what is of no interest here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import base64
import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLNonNull,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_list_type,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.client import Api
from tests.fixtures.server import Server

SCHEMA = build_schema((Path(__file__).parents[2] / "schema.graphql").read_text())
PAGE_ARGUMENTS = ("first", "after", "last", "before")
# Words that belong to Python and its libraries.
FOREIGN = re.compile(r"\bNone\b|UNSET|Undefined|object at 0x|Traceback|codec|Expected type")

Operation = tuple[str, dict[str, Any]]
# By the server's URL: all examples of one run of the test share a server.
KNOWN: dict[str, dict[str, Any]] = {}


def root(kind: str) -> dict[str, GraphQLField]:
    """The fields of a root type."""
    found = SCHEMA.type_map[kind]
    assert isinstance(found, GraphQLObjectType)
    fields: dict[str, GraphQLField] = found.fields
    return fields


def leaves(kind: GraphQLInputObjectType, *path: str) -> Iterator[tuple[str, ...]]:
    """The places of an input that hold values."""
    for name, field in kind.fields.items():
        of_type = get_named_type(field.type)
        if isinstance(of_type, GraphQLInputObjectType):
            yield from leaves(of_type, *path, name)
        else:
            yield (*path, name)


def with_value(known: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """An input that is right but for one value."""
    result = copy.deepcopy(known)
    inner = result
    for name in path[:-1]:
        inner[name] = {}  # a target is one thing only
        inner = inner[name]
    inner[path[-1]] = value
    return result


def mutations(known: dict[str, Any], value: Any) -> Iterator[Operation]:
    """Every mutation with the value in each place of its input."""
    for name, field in root("Mutation").items():
        kind = get_named_type(field.args["input"].type)
        assert isinstance(kind, GraphQLInputObjectType)
        asked = f"{name}(input: $i) {{ errors {{ code path message }} }}"
        document = f"mutation($i: {kind.name}!) {{ {asked} }}"
        required = {
            key: known[key]
            for key, each in kind.fields.items()
            if isinstance(each.type, GraphQLNonNull) and key in known
        }
        for path in leaves(kind):
            yield document, {"i": with_value(required, path, value)}


def arguments(field: GraphQLField, before: str, call: str, after: str) -> Iterator[str]:
    """A document for each argument of a field, with the value in `$v`."""
    for name, argument in field.args.items():
        others = "".join(
            f", {key}: $c" for key, each in field.args.items()
            if key != name and isinstance(each.type, GraphQLNonNull)
        )  # fmt: skip
        of_type: Any = argument.type
        given_ids = "[$v]" if is_list_type(getattr(of_type, "of_type", None)) else "$v"
        kind: Any = get_named_type(of_type)
        is_needed = isinstance(argument.type, GraphQLNonNull)
        declared = f"$v: {kind.name}{'!' if is_needed else ''}, $c: ID"
        declared = declared.replace("$c: ID", "$c: ID!")
        yield f"({declared}) {before} {call}({name}: {given_ids}{others}) {after}"


def queries() -> Iterator[str]:
    """A document for each argument of what can be read."""
    touch = "touch: conversation(id: $c) { id }"
    for name, field in root("Query").items():
        if field.args:
            for text in arguments(field, "{", name, "{ __typename } " + touch + " }"):
                yield f"query{text}"
    parents = {"Viewer": "viewer", "Conversation": "conversation(id: $c)"}
    for parent, call in parents.items():
        for name, field in root(parent).items():
            if set(PAGE_ARGUMENTS) <= set(field.args):
                page = "{ nodes { id } pageInfo { hasNextPage endCursor } } } " + touch + " }"
                for text in arguments(field, f"{{ {call} {{", name, page):
                    yield f"query{text}"


def subscriptions(known: dict[str, Any], value: Any) -> Iterator[Operation]:
    """Every subscription with the value in each argument."""
    for name, field in root("Subscription").items():
        declared = ", ".join(f"${key}: {each.type}" for key, each in field.args.items())
        passed = ", ".join(f"{key}: ${key}" for key in field.args)
        document = f"subscription({declared}) {{ {name}({passed}) {{ cursor }} }}"
        for key in field.args:
            variables = {each: known[each] for each in field.args if each in known}
            yield document, variables | {key: value}


QUERIES = tuple(queries())


def operations(known: dict[str, Any], value: Any) -> list[Operation]:
    """Everything that one value is tried in."""
    asked = [(text, {"v": value, "c": known["conversationId"]}) for text in QUERIES]
    return [*asked, *mutations(known, value)]


def check(payload: Any, operation: Operation) -> None:
    """No error may be a bug, and all speak to those who sent the request.

    A payload is an answer, or the list of errors that ends an operation on a socket.
    """
    shown = (str(operation)[:300], payload)
    answer: dict[str, Any] = payload if isinstance(payload, dict) else {"errors": payload}
    for error in answer.get("errors", []):
        # A document that does not fit the schema would try nothing.
        code = error["extensions"]["code"]
        assert code not in ("INTERNAL_SERVER_ERROR", "GRAPHQL_VALIDATION_FAILED"), shown
        assert not FOREIGN.search(error["message"]), shown
    data: dict[str, Any] = answer.get("data") or {}
    for name in root("Mutation"):
        refused: list[Any] = (data.get(name) or {}).get("errors", [])
        assert not any(FOREIGN.search(error["message"]) for error in refused), shown


async def over_http(user: Api, operation: Operation) -> None:
    """Ask with POST."""
    query, variables = operation
    body = json.dumps({"query": query, "variables": variables})
    headers = {**user.headers, "content-type": "application/json"}
    async with user.http.post(f"{user.url}/graphql", data=body, headers=headers) as response:
        assert response.status < 500, (operation, await response.text())
        check(await response.json(content_type=None), operation)


async def over_a_socket(user: Api, asked: list[Operation]) -> None:
    """Ask on one socket, which must live to the end."""
    async with user.socket() as socket:
        for number, (query, variables) in enumerate(asked):
            payload = {"query": query, "variables": variables}
            message = {"id": f"{number}", "type": "subscribe", "payload": payload}
            await socket.connection.send(json.dumps(message))
        left = set(range(len(asked)))
        while left:
            answer = json.loads(await socket.connection.recv())
            number = int(answer.get("id", -1))
            if answer["type"] in ("next", "error") and number in left:
                left.remove(number)
                check(answer["payload"], asked[number])
                await socket.connection.send(json.dumps({"id": f"{number}", "type": "complete"}))
        await socket.connection.send(json.dumps({"type": "ping"}))
        while json.loads(await socket.connection.recv())["type"] != "pong":
            pass


async def known_of(user: Api) -> dict[str, Any]:
    """Values that are right, of a conversation with an answer."""
    sent = await user.send("hello")
    await user.until_ended(sent)
    return {
        "conversationId": sent["conversation"]["id"],
        "messageId": sent["run"]["message"]["id"],
        "runId": sent["run"]["id"],
        "conversationIds": [],
        "text": "hello",
        "target": {"conversationId": sent["conversation"]["id"]},
    }


async def try_everywhere(user: Api, known: dict[str, Any], value: Any) -> None:
    """Put a value into every argument that there is."""
    asked = operations(known, value)
    async with asyncio.TaskGroup() as group:
        for operation in asked:
            group.create_task(over_http(user, operation))
    if value is not None:  # null is no cursor, but leave to follow for ever
        asked += subscriptions(known, value)
    await over_a_socket(user, asked)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


TEXTS = st.text(st.characters(), max_size=40)  # surrogates and NUL too
TAGS = st.sampled_from(["conversation:", "viewer:", "Conversation:", "Message:", "Run:", "Cell:"])
DIGITS = st.sampled_from(["0", "7", "²", "-1", "9" * 19, "9" * 5_000, "a.b", "a.b.0.0", "a|b", ""])
TAGGED = st.builds(lambda *parts: "".join(parts), TAGS, TEXTS | st.just("0" * 32), DIGITS)
STRINGS = (
    TEXTS
    | TAGGED
    | st.binary(max_size=40).map(encoded)
    | (TEXTS | TAGGED | DIGITS).map(lambda text: encoded(text.encode(errors="surrogatepass")))
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.just(10**400)
VALUES = STRINGS | NUMBERS | st.none() | st.booleans() | st.lists(STRINGS | NUMBERS, max_size=2)


@settings(
    max_examples=max(1, settings.default.max_examples // 10) if settings.default else 10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(value=VALUES)
@example(value="é")
@example(value="\ud800\0")
@example(value=encoded("²|x".encode()))
@example(value=encoded(b"9" * 5_000))
@example(value="x" * 1_000_000)
@example(value=10**400)
async def test_any_value_is_answered(server: Server, value: Any) -> None:
    user = server.user()
    if server.url not in KNOWN:
        KNOWN[server.url] = await known_of(user)
    await try_everywhere(user, KNOWN[server.url], value)
