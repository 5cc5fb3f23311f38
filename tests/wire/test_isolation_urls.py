"""The URLs that the API gives are their owner's: to others they are as good as absent ones."""

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

# A stream, HTML, a picture, a result and an error, of which some are stored by themselves.
CODE = """from IPython.display import Image, display
import base64
print("x" * 100_000)
display({'text/html': '<b>x</b>'}, raw=True)
display(Image(base64.b64decode('iVBORw0KGgo=') + bytes(100_000), format='png'))
display('a result')
1 / 0"""
URLS = """query($id: ID!) { conversation(id: $id) { messages(last: 2) { nodes { parts {
  ... on CellPart { cell { outputs {
    download { url }
    ... on DisplayOutput { representations { url } }
    ... on ResultOutput { representations { url } } } } } } } } } }"""
# What says when an answer was given.
OF_ITS_OWN = {"date"}
REQUESTS: list[tuple[str, dict[str, str]]] = [
    ("GET", {}),
    ("HEAD", {}),
    ("GET", {"range": "bytes=0-1"}),
    ("GET", {"if-none-match": '"other"'}),
]
Answer = tuple[int, dict[str, str], bytes]


def urls_in(data: Any) -> set[str]:
    """All values of fields named url."""
    if isinstance(data, list):
        return {url for each in data for url in urls_in(each)}
    if not isinstance(data, dict):
        return set()
    own = {data["url"]} if "url" in data else set[str]()
    return own.union(*(urls_in(each) for each in data.values()))


async def urls_of(api: Api) -> list[str]:
    """The URLs of every kind of output."""
    sent = await api.send(f"[[code: {CODE}]]")
    await api.until_ended(sent)
    return sorted(urls_in(await api.ask(URLS, id=sent["conversation"]["id"])))


def absent(url: str) -> str:
    """The same URL in a conversation that does not exist."""
    prefix, _, output = url.partition("/outputs/")
    return f"{prefix}/outputs/{uuid4().hex}.{output.partition('.')[2]}"


async def fetch(api: Api, url: str, method: str = "GET", **headers: str) -> Answer:
    """Status, headers and body of an answer."""
    request = api.http.request(method, api.url + url, headers={**api.headers, **headers})
    async with request as response:
        found = {name.lower(): value for name, value in response.headers.items()}
        kept = {name: value for name, value in found.items() if name not in OF_ITS_OWN}
        return response.status, kept, await response.read()


async def test_every_url_is_its_owners_alone(server: Server) -> None:
    """Another user gets what nobody's URL gets, by every method and header."""
    ann, bob = server.user("ann"), server.user("bob")
    urls = await urls_of(ann)
    assert len(urls) > 5
    for url in urls:
        for method, headers in REQUESTS:
            status, _, body = await fetch(ann, url, method, **headers)
            assert status == 200, (url, method, headers)
            assert bool(body) == (method == "GET")
            theirs = await fetch(bob, url, method, **headers)
            assert theirs == await fetch(bob, absent(url), method, **headers)
            assert theirs[0] == 404


async def test_these_are_all_the_urls_that_objects_have(server: Server) -> None:
    """A new field with a URL is to be added to the query above."""
    schema = await schema_of(server.user("ann"))
    fields = {
        f"{kind.name}.{name}"
        for kind in schema.type_map.values()
        if isinstance(kind, GraphQLObjectType)
        for name, field in fields_of(kind).items()
        if get_named_type(field.type).name == "URL"
    }
    assert fields == {"Download.url", "Representation.url"}


@pytest.mark.timeout(200)
async def test_another_users_url_takes_as_long_as_one_that_names_nothing(server: Server) -> None:
    """The medians of 200 answers to each are within a fifth of each other."""
    ann, bob = server.user("ann"), server.user("bob")
    for url in (await urls_of(ann))[:2]:
        await check_alike(partial(fetch, bob, url), partial(fetch, bob, absent(url)), url)
