"""Whatever is wrong with an argument is said in words of the API, with the argument's place."""

import re
from typing import Any

from tests.fixtures.server import Server
from tests.sentences import is_sentence

# Words of Python and of the libraries below, which mean nothing to a client.
FORBIDDEN = re.compile(
    r"None|NoneType|Expected value|Undefined|UNSET|<[A-Z]\w+[.:]|\bdict\b|\bstr\b|\bint\b|\bfloat\b"
    r"|\bbool\b|Traceback|Error\b|Exception|msgspec|pydantic|[Ss]trawberry|graphql.core|object at"
    r"|cannot represent|coerce|has invalid value|<meta>|'",
)
SEND = "mutation($i: SendMessageInput!) {sendMessage(input: $i) {errors {code}}}"
LITERAL = "mutation {{sendMessage(input: {}) {{errors {{code}}}}}}"
RENAME = "mutation {{updateConversation(input: {}) {{errors {{code}}}}}}"
PAGE = "{{viewer {{conversations({}) {{totalCount}}}}}}"
TARGET = ["input", "target"]
ID = '"Q29udmVyc2F0aW9uOmE"'

WRONG_LITERALS: list[tuple[str, list[str]]] = [
    (LITERAL.format("null"), ["input"]),
    (LITERAL.format("1"), ["input"]),
    (LITERAL.format("[]"), ["input"]),
    (LITERAL.format('{text: "x"}'), TARGET),
    (LITERAL.format("{text: null, target: {newConversation: {}}}"), ["input", "text"]),
    (LITERAL.format("{text: 1, target: {newConversation: {}}}"), ["input", "text"]),
    (LITERAL.format("{text: WORD, target: {newConversation: {}}}"), ["input", "text"]),
    (LITERAL.format('{text: "a", text: "b", target: {newConversation: {}}}'), ["input", "text"]),
    (LITERAL.format('{text: "x", nope: 1, target: {newConversation: {}}}'), ["input", "nope"]),
    (LITERAL.format('{text: "x", target: {}}'), TARGET),
    (
        LITERAL.format(f'{{text: "x", target: {{conversationId: {ID}, newConversation: {{}}}}}}'),
        TARGET,
    ),
    (LITERAL.format('{text: "x", target: {conversationId: null}}'), [*TARGET, "conversationId"]),
    (LITERAL.format('{text: "x", target: {conversationId: 1.5}}'), [*TARGET, "conversationId"]),
    (LITERAL.format('{text: "x", target: {nope: 1}}'), [*TARGET, "nope"]),
    (LITERAL.format('{text: "x", target: {conversationId: $x}}'), [*TARGET, "conversationId"]),
    (LITERAL.format("$x"), ["input"]),
    (RENAME.format(f'{{conversationId: {ID}, pinned: "yes"}}'), ["input", "pinned"]),
    ("mutation {sendMessage {errors {code}}}", ["input"]),
    (PAGE.format('first: "x"'), ["first"]),
    (PAGE.format("first: 1.0"), ["first"]),
    (PAGE.format("first: 99999999999"), ["first"]),
    (PAGE.format("first: [1]"), ["first"]),
    (PAGE.format("first: 1, first: 2"), ["first"]),
    (PAGE.format("firts: 1"), ["firts"]),
    ("{nodes(ids: [null]) {id}}", ["ids", "0"]),
    ("{nodes(ids: {a: 1}) {id}}", ["ids"]),
    ("{node {id}}", ["id"]),
    ("{node(id: true) {id}}", ["id"]),
    ("query($x: Int = WORD) {viewer {conversations(first: $x) {totalCount}}}", ["x"]),
    ("query($x: ID! = null) {node(id: $x) {id}}", ["x"]),
    ("{viewer @skip {id}}", ["if"]),
    ('{viewer @skip(if: "x") {id}}', ["if"]),
    ("{viewer @include(if: true, unless: false) {id}}", ["unless"]),
    ("{__type {name}}", ["name"]),
]
WITH_TARGET = (
    "mutation($x: ID) "
    '{sendMessage(input: {text: "x", target: {conversationId: $x}}) {errors {code}}}'
)
WITH_TEXT = (
    'mutation($x: String = "a") '
    "{sendMessage(input: {text: $x, target: {newConversation: {}}}) {errors {code}}}"
)
WRONG_VARIABLES: list[tuple[str, dict[str, Any], list[str]]] = [
    (SEND, {}, ["i"]),
    (SEND, {"i": None}, ["i"]),
    (SEND, {"i": []}, ["i"]),
    (SEND, {"i": {"text": "x"}}, ["i", "target"]),
    (SEND, {"i": {"text": None, "target": {"newConversation": {}}}}, ["i", "text"]),
    (SEND, {"i": {"text": 1, "target": {"newConversation": {}}}}, ["i", "text"]),
    (SEND, {"i": {"text": "x", "a": 1, "target": {"newConversation": {}}}}, ["i", "a"]),
    (SEND, {"i": {"text": "x", "target": {}}}, ["i", "target"]),
    (
        SEND,
        {"i": {"text": "x", "target": {"conversationId": None}}},
        ["i", "target", "conversationId"],
    ),
    ("query($n: Int) {viewer {conversations(first: $n) {totalCount}}}", {"n": "x"}, ["n"]),
    ("query($n: Int) {viewer {conversations(first: $n) {totalCount}}}", {"n": 2**31}, ["n"]),
    ("query($x: [ID!]!) {nodes(ids: $x) {id}}", {"x": ["a", None]}, ["x", "1"]),
    ("query($x: [ID!]!) {nodes(ids: $x) {id}}", {"x": {"a": 1}}, ["x"]),
    ("query($x: ID!) {node(id: $x) {id}}", {"x": "\ud800"}, ["x"]),
    # What shows only where a variable is used.
    ('query($x: ID = "a") {node(id: $x) {id}}', {"x": None}, ["id"]),
    ("query($b: Boolean = true) {viewer @skip(if: $b) {id}}", {"b": None}, ["if"]),
    (WITH_TARGET, {}, TARGET),
    (WITH_TARGET, {"x": None}, [*TARGET, "conversationId"]),
    (WITH_TEXT, {"x": None}, ["input", "text"]),
    # What resolvers refuse.
    ("{viewer {conversations(first: -1) {totalCount}}}", {}, ["first"]),
    ("{viewer {conversations(first: 101) {totalCount}}}", {}, ["first"]),
    ('{viewer {conversations(after: "x") {totalCount}}}', {}, ["after"]),
]


async def errors_of(server: Server, query: str, variables: dict[str, Any]) -> list[dict[str, Any]]:
    """The errors of an answer."""
    ann = server.user()
    body = {"query": query, "variables": variables}
    async with ann.http.post(f"{ann.url}/graphql", json=body, headers=ann.headers) as response:
        errors: list[dict[str, Any]] = (await response.json())["errors"]
    assert all(is_sentence(error["message"]) for error in errors)
    return errors


async def test_every_wrong_argument_is_named_in_plain_words(server: Server) -> None:
    cases: list[tuple[str, dict[str, Any], list[str], str]] = [
        *((query, {}, place, "GRAPHQL_VALIDATION_FAILED") for query, place in WRONG_LITERALS),
        *((*each, "BAD_USER_INPUT") for each in WRONG_VARIABLES),
    ]
    wrong: list[str] = []
    for query, variables, place, code in cases:
        for error in await errors_of(server, query, variables):
            said = re.sub(r"^Variable '\$x'", "", error["message"])
            extensions = error["extensions"]
            if FORBIDDEN.search(said) or extensions != {"code": code, "argument": place}:
                wrong.append(f"{query} {variables}: {error['message']} {extensions}")
    assert wrong == []
