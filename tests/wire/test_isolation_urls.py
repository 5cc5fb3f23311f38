"""The URLs that the API gives are their owner's: to others they are as good as absent ones."""

# Answers are any JSON, and graphql-core's types are generic in what is of no interest here.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from graphql import GraphQLObjectType, get_named_type

from tests.client import Api
from tests.fixtures.server import Server
from tests.id_walk import fields_of
from tests.wire.answer_times import check_alike
from tests.wire.isolated import schema_of

# Every kind of output, with bytes that are stored by themselves, and with some in the message.
CODE = """import base64, sys
from IPython.display import Image, display
print("x" * 100_000)
print("x", file=sys.stderr)
display({'text/html': '<b>x</b>'}, raw=True)
display(Image(base64.b64decode('iVBORw0KGgo=') + bytes(100_000), format='png'))
'a result'"""
QUESTION = f"[[code: {CODE}]] [[code: 1 / 0]] [[answer: done]]"
OUTPUTS = """query($id: ID!) { conversation(id: $id) { messages(last: 2) { nodes { parts {
  ... on CellPart { cell { outputs { __typename
    download { url }
    ... on DisplayOutput { representations { url } }
    ... on ResultOutput { representations { url } } } } } } } } } }"""
KINDS = {"StreamOutput", "DisplayOutput", "ResultOutput", "ErrorOutput"}
REQUESTS: list[tuple[str, dict[str, str]]] = [
    ("GET", {}),
    ("HEAD", {}),
    ("GET", {"range": "bytes=0-1"}),
    ("HEAD", {"range": "bytes=0-1"}),
]
Answer = tuple[int, dict[str, str], bytes]


def values_of(name: str, data: Any) -> set[str]:
    """All values of the fields of this name."""
    if isinstance(data, list):
        return {value for each in data for value in values_of(name, each)}
    if not isinstance(data, dict):
        return set()
    own = {data[name]} if name in data else set[str]()
    return own.union(*(values_of(name, each) for each in data.values()))


async def urls_of(api: Api) -> list[str]:
    """The URLs of every kind of output."""
    sent = await api.send(QUESTION)
    await api.until_ended(sent)
    data = await api.ask(OUTPUTS, id=sent["conversation"]["id"])
    assert values_of("__typename", data) == KINDS
    return sorted(values_of("url", data))


def absent(url: str) -> str:
    """The same URL in a conversation that does not exist."""
    prefix, _, output = url.partition("/outputs/")
    return f"{prefix}/outputs/{uuid4().hex}.{output.partition('.')[2]}"


async def fetch(api: Api, url: str, method: str = "GET", **headers: str) -> Answer:
    """Status, headers and body of an answer; without its date, which says when it was given."""
    request = api.http.request(method, api.url + url, headers={**api.headers, **headers})
    async with request as response:
        found = {name.lower(): value for name, value in response.headers.items()}
        del found["date"]
        return response.status, found, await response.read()


async def test_every_url_is_its_owners_alone(server: Server) -> None:
    """Another user gets what nobody's URL gets, by every method and header.

    Nor does it help to know the version of the bytes, which their owner has in a cache.
    """
    ann, bob = server.user("ann"), server.user("bob")
    urls = await urls_of(ann)
    for url in urls:
        etag = (await fetch(ann, url))[1]["etag"]
        for method, headers in [*REQUESTS, ("GET", {"if-none-match": etag})]:
            status, _, body = await fetch(ann, url, method, **headers)
            is_known = "if-none-match" in headers
            assert status == (304 if is_known else 200), (url, method, headers)
            assert bool(body) == (method == "GET" and not is_known)
            theirs = await fetch(bob, url, method, **headers)
            assert theirs == await fetch(bob, absent(url), method, **headers)
            assert theirs[0] == 404


async def test_these_are_all_the_urls_that_objects_have(server: Server) -> None:
    """A new field with a URL is to be added to the query above; the sign-out is everybody's."""
    schema = await schema_of(server.user("ann"))
    fields = {
        f"{kind.name}.{name}"
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in fields_of(kind).items()
        if get_named_type(field.type).name == "URL"
    }
    assert fields - {"Server.signOutUrl"} == {"Download.url", "Representation.url"}


@pytest.mark.timeout(200)
async def test_another_users_url_takes_as_long_as_one_that_names_nothing(server: Server) -> None:
    """The medians of 200 answers to each are within a fifth of each other.

    Of a text that is stored by itself and of a picture, by every method and header.
    """
    ann, bob = server.user("ann"), server.user("bob")
    urls = await urls_of(ann)
    text = next(url for url in urls if "?" not in url)
    picture = next(url for url in urls if "image%2Fpng" in url)
    for url, requests in ((text, REQUESTS[:1]), (picture, REQUESTS)):
        for method, headers in requests:
            theirs, nothing = (
                partial(fetch, bob, each, method, **headers) for each in (url, absent(url))
            )
            await check_alike(theirs, nothing, f"{method} {url} {headers}")
