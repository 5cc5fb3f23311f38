"""What a client says of itself is never believed, over HTTP and over the WebSocket."""

import json
from typing import Any

import pytest
from multidict import CIMultiDict
from websockets.asyncio.client import connect
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from tests.client import PROTOCOL
from tests.fixtures.server import Server
from tests.signin.browser import SignedIn
from tests.signin.conftest import Open
from tests.signin.site import Site

Pairs = list[tuple[str, str]]
WHO = "{ viewer { username } }"
CREATE = 'mutation { createConversation(input: {title: "x"}) { conversation { id } } }'
OWN = ("X-Forwarded-User", "admin")
STRIPPED: dict[str, Pairs] = {
    "own": [OWN],
    "other case": [("x-FORWARDED-user", "admin")],
    "twice": [OWN, ("X-Forwarded-User", "root")],
}
CONNECTION = [("Connection", "X-Forwarded-User"), OWN]
UNDERSCORES = [("X_Forwarded_User", "admin")]
# The rule that turns down Connection, taken out.
NO_RULE = {"RewriteRule ^ - [F]": ""}
# As in examples that take the name from a claim that not everybody has.
BY_CLAIM = {'"expr=%{REMOTE_USER}"': '"%{OIDC_CLAIM_nickname}e"'}


async def post(user: SignedIn, query: str, pairs: Pairs) -> tuple[int, Any]:
    """Status and answer of an operation with more headers."""
    headers = CIMultiDict([*user.headers.items(), *pairs])
    async with user.http.post(
        f"{user.url}/graphql", json={"query": query}, headers=headers
    ) as response:
        text = await response.text()
        is_json = "json" in response.content_type
        return response.status, json.loads(text) if is_json else text


async def over_socket(user: SignedIn, pairs: Pairs, origin: str | None = None) -> Any:
    """The name that a WebSocket has, or the status or code with which it is refused."""
    headers = Headers([*user.headers.items(), *pairs])
    address = f"ws{user.url.removeprefix('http')}/graphql"
    try:
        async with connect(
            address,
            subprotocols=[PROTOCOL],
            additional_headers=headers,
            origin=Origin(origin) if origin else None,
        ) as connection:
            await connection.send(json.dumps({"type": "connection_init"}))
            assert json.loads(await connection.recv())["type"] == "connection_ack"
            message = {"id": "1", "type": "subscribe", "payload": {"query": WHO}}
            await connection.send(json.dumps(message))
            answer = json.loads(await connection.recv())
            return answer["payload"]["data"]["viewer"]["username"]
    except InvalidStatus as refused:
        return refused.response.status_code
    except ConnectionClosed as closed:
        return closed.rcvd and closed.rcvd.code


@pytest.mark.parametrize("pairs", STRIPPED.values(), ids=STRIPPED)
async def test_clients_own_header_is_taken_away(site: Site, pairs: Pairs) -> None:
    ann = await site.user("ann")
    status, answer = await post(ann, WHO, pairs)
    assert (status, answer["data"]["viewer"]["username"]) == (200, "ann")
    assert await over_socket(ann, pairs) == "ann"


@pytest.mark.parametrize("pairs", [*STRIPPED.values(), UNDERSCORES])
async def test_header_signs_nobody_in(site: Site, pairs: Pairs) -> None:
    visitor = SignedIn(site.url, "nobody", site.http)
    assert (await post(visitor, WHO, pairs))[0] == 401
    assert await over_socket(visitor, pairs) == 401


async def test_connection_that_names_the_header_is_turned_down(site: Site) -> None:
    ann = await site.user("ann")
    assert (await post(ann, WHO, CONNECTION))[0] == 403
    assert await over_socket(ann, [("Connection", "Upgrade, X-Forwarded-User"), OWN]) == 403


async def test_pybot_refuses_where_the_proxy_dropped_its_header(
    server: Server, open_site: Open
) -> None:
    """The same without the rule: the proxy obeys, and Pybot has no name to believe."""
    async with open_site(server, NO_RULE) as site:
        ann = await site.user("ann")
        status, answer = await post(ann, WHO, CONNECTION)
        assert status == 401
        assert "is missing" in answer["errors"][0]["message"]


async def test_underscores_are_refused(site: Site) -> None:
    ann = await site.user("ann")
    status, answer = await post(ann, WHO, UNDERSCORES)
    assert status == 401
    assert "underscores" in answer["errors"][0]["message"]
    assert await over_socket(ann, UNDERSCORES) == 4401


async def test_missing_claim_is_nobody(server: Server, open_site: Open) -> None:
    """Apache writes (null) for it: all such users would be one."""
    async with open_site(server, BY_CLAIM) as site:
        ann = await site.user("ann")
        status, answer = await post(ann, WHO, [])
        assert status == 401
        assert "is empty" in answer["errors"][0]["message"]
        assert await over_socket(ann, []) == 4401


async def test_header_twice_past_the_proxy_is_refused(server: Server, site: Site) -> None:
    """As from a proxy that adds its header to the client's."""
    direct = SignedIn(server.url, "nobody", site.http)
    status, answer = await post(direct, WHO, [OWN, ("X-Forwarded-User", "ann")])
    assert status == 401
    assert "more than once" in answer["errors"][0]["message"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_foreign_page_with_the_cookie_is_refused(site: Site, origin: str) -> None:
    ann = await site.user("ann")
    assert (await post(ann, CREATE, [("Origin", origin)]))[0] == 403
    assert await over_socket(ann, [], origin) == 4403
    assert await over_socket(ann, [], site.url) == "ann"
    assert (await post(ann, CREATE, [("Origin", site.url)]))[0] == 200
