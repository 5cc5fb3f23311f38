"""Two users sign in, chat through the proxy, see nothing of each other, and sign out."""

import asyncio

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.client import GraphQLErrors, run_of, text_of
from tests.fixtures.server import Server, Start
from tests.signin.conftest import Open
from tests.signin.site import Site

WHO = "{ viewer { username email } }"


async def test_unknown_visitor_is_led_to_the_provider(site: Site) -> None:
    async with site.http.get(f"{site.url}/", allow_redirects=False) as response:
        assert response.status == 302
        assert response.headers["Location"].startswith(f"{site.provider}/oauth2/authorize?")
    async with site.http.post(f"{site.url}/graphql", json={"query": WHO}) as response:
        assert response.status == 401


async def test_signed_in_user_has_the_providers_name(site: Site) -> None:
    people: dict[str, dict[str, str]] = {"zoe": {"email": "zoe@example.com"}, "without": {}}
    for name, claims in people.items():
        async with site.http.put(f"{site.provider}/users/{name}", json=claims) as response:
            assert response.ok
        user = await site.user(name)
        who = (await user.ask(WHO))["viewer"]
        assert who == {"username": name, "email": claims.get("email")}


async def test_answers_are_followed_through_the_proxy(site: Site) -> None:
    ann = await site.user("ann")
    sent = await ann.send("[[code: print(6 * 7)]] [[answer: all is well]]")
    events = await ann.until_ended(sent)
    assert run_of(events)["status"] == "COMPLETED"
    assert "all is well" in text_of(events)


async def test_users_see_nothing_of_each_other(site: Site) -> None:
    ann, bob = await site.user("ann"), await site.user("bob")
    first, second = await ann.send("[[answer: for ann]]"), await bob.send("[[answer: for bob]]")
    followed = await asyncio.gather(ann.until_ended(first), bob.until_ended(second))
    assert [text_of(events) for events in followed] == ["for ann", "for bob"]
    listing = "{ viewer { conversations(first: 10) { nodes { id } } } }"
    for user, own, foreign in ((ann, first, second), (bob, second, first)):
        nodes = (await user.ask(listing))["viewer"]["conversations"]["nodes"]
        assert [node["id"] for node in nodes] == [own["conversation"]["id"]]
        assert await user.snapshot(foreign["conversation"]["id"]) is None
        with pytest.raises(GraphQLErrors) as refused:
            await user.until_ended(foreign)
        assert refused.value.code == "NOT_FOUND"


async def test_signed_out_user_must_sign_in_again(site: Site) -> None:
    ann = await site.user("ann")
    await ann.ask(WHO)
    async with site.http.get(
        f"{site.url}/oidc/callback",
        params={"logout": f"{site.url}/"},
        headers=ann.headers,
        allow_redirects=False,
    ) as response:
        assert response.status == 302
        assert response.headers["Location"].startswith(f"{site.provider}/")
    async with site.http.get(
        f"{site.url}/", headers=ann.headers, allow_redirects=False
    ) as response:
        assert response.status == 302
        assert response.headers["Location"].startswith(f"{site.provider}/oauth2/authorize?")
    with pytest.raises(InvalidStatus) as refused:
        async with ann.socket():
            pass
    assert refused.value.response.status_code == 401


async def test_open_socket_outlives_a_sign_out_until_its_age(start: Start, open_site: Open) -> None:
    async with start(limits={"socket_max_age": 2}) as server, open_site(server) as site:
        ann = await site.user("ann")
        async with ann.socket() as socket:
            async with site.http.get(
                f"{site.url}/oidc/callback",
                params={"logout": f"{site.url}/"},
                headers=ann.headers,
                allow_redirects=False,
            ) as response:
                assert response.status == 302
            with pytest.raises(ConnectionClosed) as closed:
                async with asyncio.timeout(10):
                    await socket.connection.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
        with pytest.raises(InvalidStatus) as refused:
            async with ann.socket():
                pass
        assert refused.value.response.status_code == 401


async def test_pybot_without_the_proxy_believes_no_cookie(server: Server, site: Site) -> None:
    """The header is missing there; the proxy's cookie is nothing to Pybot."""
    ann = await site.user("ann")
    async with site.http.post(
        f"{server.url}/graphql", json={"query": WHO}, headers=ann.headers
    ) as response:
        assert response.status == 401
        answer = await response.json(content_type=None)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
