"""What people open: a proxy, the provider that it asks, and Pybot behind it."""

from dataclasses import dataclass

import aiohttp

from tests.signin.browser import SignedIn, sign_in


@dataclass
class Site:
    """The proxy's address, the provider's, and the path that signs out."""

    url: str
    provider: str
    http: aiohttp.ClientSession
    sign_out_path: str

    async def user(self, name: str, path: str = "/") -> SignedIn:
        """Somebody who has just signed in, in order to see the path."""
        return await sign_in(self.url, name, self.http, path)


def forgetful() -> aiohttp.ClientSession:
    """A client that keeps no cookies: each user has their own."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
