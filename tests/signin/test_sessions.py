"""oauth2-proxy's sessions: whom it takes, how they are renewed, when they end."""

import asyncio
from secrets import token_hex

from tests.fixtures.server import Server
from tests.signin.browser import SignedIn
from tests.signin.doors import reverse_proxy
from tests.signin.test_doors import WHO, signed_in
from tests.signin.test_spoofing import over_socket, post

SOON = {"--cookie-refresh=15m": "--cookie-refresh=1s"}
GROUPS = 100  # of somebody whose tokens fill three cookies


async def renewed(user: SignedIn) -> bool:
    """Whether a request was answered with a new cookie, which the user has from then on."""
    async with user.http.post(
        f"{user.url}/graphql", json={"query": WHO}, headers=user.headers
    ) as response:
        assert response.status == 200
        if not response.cookies:
            return False
        user.cookie = "; ".join(f"{name}={each.value}" for name, each in response.cookies.items())
        return True


async def test_open_socket_outlives_the_refresh_of_the_session(
    server: Server, provider: str, redis_server_url: str
) -> None:
    async with reverse_proxy(server, provider, redis_server_url, replacements=SOON) as site:
        ann = await signed_in(site, "ann")
        async with ann.socket() as socket:
            while not await renewed(ann):  # noqa: ASYNC110 (the proxy tells nobody)
                await asyncio.sleep(0.1)
            answers = [data async for data in socket.subscribe(WHO)]
        assert [data["viewer"]["username"] for data in answers] == ["ann"]
        assert (await ann.ask(WHO))["viewer"]["username"] == "ann"


async def test_user_locked_out_at_the_provider_is_out_at_the_next_refresh(
    server: Server, provider: str, redis_server_url: str
) -> None:
    async with reverse_proxy(server, provider, redis_server_url, replacements=SOON) as site:
        ann = await signed_in(site, "ann")
        await ann.ask(WHO)
        async with site.http.post(f"{site.provider}/users/ann/revoke-tokens") as response:
            assert response.ok
        while (status := (await post(ann, WHO, []))[0]) == 200:  # noqa: ASYNC110 (as above)
            await asyncio.sleep(0.1)
        assert status == 401


async def test_user_without_an_email_address_has_the_subject_in_its_place(
    server: Server, provider: str, redis_server_url: str
) -> None:
    async with reverse_proxy(server, provider, redis_server_url) as site:
        user = await site.user("nameless")
        assert (await user.ask(WHO))["viewer"] == {"username": "nameless", "email": "nameless"}


async def test_session_of_several_cookies_opens_sockets_too(
    server: Server, provider: str, redis_server_url: str
) -> None:
    """Without Redis the tokens are in the cookie, which is cut in pieces of 4 kB."""
    in_cookies = {"--session-store-type=redis": "--session-store-type=cookie"}
    async with reverse_proxy(server, provider, redis_server_url, replacements=in_cookies) as site:
        claims = {"email": "ann@example.com", "groups": [token_hex(16) for _ in range(GROUPS)]}
        async with site.http.put(f"{site.provider}/users/ann", json=claims) as response:
            assert response.ok
        ann = await site.user("ann")
        assert "_oauth2_proxy_2=" in ann.cookie
        assert (await ann.ask(WHO))["viewer"]["username"] == "ann"
        assert await over_socket(ann, []) == "ann"
