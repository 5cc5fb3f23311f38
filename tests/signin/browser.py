"""What a browser does to sign in: it follows redirects, fills in the form, keeps cookies."""

from typing import Any
from urllib.parse import urljoin

import aiohttp

from tests.client import Api


class SignedIn(Api):
    """A user whose only proof is the proxy's cookie: no header says who they are."""

    cookie = ""

    @property
    def headers(self) -> dict[str, str]:
        """What the browser adds."""
        return {"Cookie": self.cookie}


async def sign_in(proxy: str, user: str, http: aiohttp.ClientSession, path: str = "/") -> SignedIn:
    """Open a path of the site and sign in with the form of the provider, which leads back to it.

    `http` must keep no cookies of its own.
    """
    cookies: dict[str, str] = {}

    async def go(method: str, url: str, **form: Any) -> str:
        """The address that the answer leads to."""
        sent = "; ".join(f"{name}={value}" for name, value in cookies.items())
        async with http.request(
            method, url, allow_redirects=False, headers={"Cookie": sent}, **form
        ) as response:
            assert response.status in (302, 303), (url, response.status, await response.text())
            for name, morsel in response.cookies.items():
                cookies[name] = morsel.value
            return urljoin(url, response.headers["Location"])

    form = await go("GET", f"{proxy}{path}")
    callback = await go("POST", form, data={"sub": user})
    assert await go("GET", callback) == f"{proxy}{path}"
    client = SignedIn(proxy, user, http)
    # Deleted ones are empty: what the proxy kept while it sent the browser to the provider.
    client.cookie = "; ".join(f"{name}={value}" for name, value in cookies.items() if value)
    return client
