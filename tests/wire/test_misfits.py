"""Documents that do not fit the grammar or the schema are refused in words of GraphQL alone."""

import re
from collections.abc import Iterator

from tests.fixtures.server import Server
from tests.wire.isolated import over_websocket

# What would be Python's or a library's; "<EOF>" and "true" are GraphQL's own.
FORBIDDEN = re.compile(
    r"\b(None|True|False|NotImplemented|Undefined|UNSET|NoneType|Traceback|self|args|kwargs)\b"
    r"|\b(Key|Type|Value|Attribute|Index|Name|Assertion|Recursion|Unicode\w*)Error\b|Exception"
    r"|\bGraphQL[A-Z]\w*|\b\w+Node\b|\bTokenKind\b|\bAST\b"
    r"|\b(graphql|pybot|strawberry|msgspec|pydantic|builtins|typing)\b"
    r"|object at 0x|<(class|function|module|[a-z_.]+ )|[\[{(]'\w|(?<!')\bb'\w|\\x[0-9a-f]{2}"
)
QUERY = """
query Page($first: Int = 2, $id: ID!, $deep: Boolean! = true) {
  viewer { id conversations(first: $first) @include(if: $deep) {
    nodes { ...Titled } pageInfo { endCursor } } }
  node(id: $id) { __typename ... on Message { text } ... on Conversation { eventCursor } }
  listed: nodes(ids: ["a", "b"]) { id }
}
fragment Titled on Conversation { id named: title messages(last: 3) { totalCount } }
"""
MUTATION = """
mutation Rename($id: ID!) {
  updateConversation(input: {conversationId: $id, title: "x", pinned: false}) {
    conversation { id } errors { code ... on NotFoundError { path } }
  }
}
"""
TOKEN = re.compile(r'"[^"]*"|\.\.\.|\w+|[^\s\w]')
MISFITS = [
    "",
    "{",
    "{nope}",
    "{viewer}",
    "{viewer {id {x}}}",
    "{viewer {...F}}",
    "{viewer {... on Message {id}}}",
    "{a: viewer {id} a: server {version}}",
    "{__schema {nope}}",
    "query A {viewer {id}} query A {viewer {id}}",
    "query A {viewer {id}} {viewer {id}}",
    "query A {viewer {id}} query B {viewer {id}}",
    "query($x: Nope) {viewer {id}}",
    "query($x: Conversation) {node(id: $x) {id}}",
    "query($x: Conversation = 1) {viewer {id}}",
    "query($x: [Conversation!] = [{a: 1}]) {viewer {id}}",
    "query($x: Nope = 1) {viewer {id}}",
    "query($x: ID!, $x: ID!) {node(id: $x) {id}}",
    "query($x: Int) {node(id: $x) {id}}",
    "query($x: [ID]) {nodes(ids: $x) {id}}",
    "query($unused: Int) {viewer {id}}",
    "{node(id: $undeclared) {id}}",
    "{viewer {...A}} fragment A on Viewer {...A}",
    "{viewer {...A}} fragment A on Viewer {...B} fragment B on Viewer {...A}",
    "{viewer {...A}} fragment A on Viewer {id} fragment A on Viewer {id}",
    "{viewer {id}} fragment Unused on Viewer {id}",
    "{viewer {...A}} fragment A on Nope {id}",
    "{viewer {...A}} fragment A on Int {id}",
    "{viewer {...A}} fragment A on Message {id}",
    "fragment Alone on Viewer {id}",
    "fragment on on Viewer {id}",
    "{viewer @nope {id}}",
    "{viewer @deprecated {id}}",
    "{viewer @include {id}}",
    "{viewer @skip(if: true) @skip(if: true) {id}}",
    "query @include(if: true) {viewer {id}}",
    "query($x: Int @skip(if: true)) {viewer {id}}",
    "type X {a: Int}",
    "extend type Query {a: Int}",
    "schema {query: Query}",
    "subscription {a: viewerEvents {cursor} b: viewerEvents {cursor}}",
    "subscription {viewerEvents {cursor} ...S} fragment S on Subscription {viewer {id}}",
    "subscription {__typename}",
    "subscription {nope}",
    "subscription {viewerEvents}",
    "subscription {viewerEvents @skip(if: true) {cursor}}",
    "mutation {nope}",
    "mutation {viewer {id}}",
    '{node(id: "\\u{110000}") {id}}',
    '{node(id: "\\q") {id}}',
    '{node(id: "open) {id}}',
    '{node(id: """open) {id}}',
    "{node(id: 00) {id}}",
    "{node(id: 1.) {id}}",
    "{node(id: 1e) {id}}",
    "{viewer {id} \x00}",
    "{viewer {id} \x7f}",
    "{viewer {id} \u2028 é 😀}",
    "{viewer {id} ?}",
    "{viewer {id} ..}",
    "{viewer {id} {id}}",
    "viewer {id}",
    "}",
    "# nothing",
]


def spoilt(document: str) -> Iterator[str]:
    """A document with each token in turn left out, doubled, in place of the rest, and replaced."""
    tokens = TOKEN.findall(document)
    for at, token in enumerate(tokens):
        before, after = tokens[:at], tokens[at + 1 :]
        yield " ".join(before)
        for instead in ("", f"{token} {token}", "nope", '"text"', "{"):
            yield " ".join([*before, instead, *after])


async def test_documents_that_do_not_fit_are_refused_in_words_of_graphql(server: Server) -> None:
    """Hundreds that are wrong at one place, and each rule of validation."""
    refused, wrong = 0, list[str]()
    async with over_websocket(server.user()) as ask:
        for document in (*MISFITS, *spoilt(QUERY), *spoilt(MUTATION)):
            errors = (await ask(document, {"id": "nothing"})).get("errors", [])
            refused += len(errors)
            wrong += [f"{document}: {each}" for each in errors if FORBIDDEN.search(each["message"])]
            if document in MISFITS:
                codes = {error["extensions"]["code"] for error in errors}
                assert codes, document
                assert codes <= {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}, document
    assert wrong == []
    assert refused > 500
