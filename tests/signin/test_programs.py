"""A program's way through oauth2-proxy: a token of the provider in place of a session."""

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import PIPE
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.client import text_of
from tests.fixtures.server import Server
from tests.signin.browser import SignedIn
from tests.signin.doors import reverse_proxy
from tests.signin.proxy import ROOT
from tests.signin.site import Site
from tests.signin.test_spoofing import over_socket, post

TOKENS = "--skip-jwt-bearer-tokens=true"
BACK = "http://127.0.0.1:1/back"  # where the provider would lead a browser; nobody goes there
WHO = "{ viewer { username } }"


class Program(SignedIn):
    """A user whose only proof is a token."""

    token = ""

    @property
    def headers(self) -> dict[str, str]:
        """What the program sends."""
        return {"Authorization": f"Bearer {self.token}"}


async def program(site: Site, name: str, client: str = "pybot") -> Program:
    """A program with an ID token that the provider issued to a client."""
    claims = {"email": f"{name}@example.com"}
    async with site.http.put(f"{site.provider}/users/{name}", json=claims) as response:
        assert response.ok
    asked = {
        "client_id": client,
        "response_type": "code",
        "scope": "openid email",
        "redirect_uri": BACK,
    }
    async with site.http.post(
        f"{site.provider}/oauth2/authorize",
        params=asked,
        data={"sub": name},
        allow_redirects=False,
    ) as response:
        [code] = parse_qs(urlsplit(response.headers["Location"]).query)["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    credentials = {"client_id": client, "client_secret": "secret-of-tests"}
    async with site.http.post(f"{site.provider}/oauth2/token", data=form | credentials) as response:
        answer: dict[str, Any] = await response.json()
    given = Program(site.url, name, site.http)
    given.token = answer["id_token"]
    return given


async def test_program_with_a_token_is_its_user(
    server: Server, provider: str, redis_server_url: str
) -> None:
    async with reverse_proxy(server, provider, redis_server_url, more=(TOKENS,)) as site:
        ann = await program(site, "ann")
        assert (await ann.ask(WHO))["viewer"] == {"username": "ann"}
        sent = await ann.send("[[answer: for a program]]")
        assert text_of(await ann.until_ended(sent)) == "for a program"
        # People still have sessions beside it.
        assert (await (await site.user("ann")).ask(WHO))["viewer"] == {"username": "ann"}


async def test_documented_programs_ask_as_the_user_of_their_token(
    server: Server, provider: str, redis_server_url: str
) -> None:
    """curl, and gql with an answer that is followed over a WebSocket."""
    async with reverse_proxy(server, provider, redis_server_url, more=(TOKENS,)) as site:
        ann = await program(site, "ann")
        asked = await run_documented(ann, "sh", "bash", "-c")
        assert json.loads(asked)["data"] == {"viewer": {"username": "ann"}}
        followed = await run_documented(ann, "python", sys.executable, "-c")
        assert followed == "4, for a program"
        listed = await ann.ask("{ viewer { conversations(first: 2) { edges { node { id } } } } }")
        assert len(listed["viewer"]["conversations"]["edges"]) == 1


async def run_documented(user: Program, language: str, *command: str) -> str:
    """What the example of docs/sign-in.md prints for this user."""
    chapter = (ROOT / "docs" / "sign-in.md").read_text().split("### Programs\n")[1]
    [example] = re.findall(rf"```{language}\n(.*?)```", chapter.split("\n###")[0], re.DOTALL)
    example = example.replace("https://pybot.example.com", user.url)
    example = example.replace("What is 2 + 2?", "[[answer: 4, for a program]]")
    process = await asyncio.create_subprocess_exec(
        *command,
        example.replace("ssl=True", "ssl=False"),
        env=os.environ | {"ID_TOKEN": user.token},
        stdout=PIPE,
        stderr=PIPE,
    )
    printed, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    return printed.decode()


@pytest.mark.parametrize("wrong", ["changed", "of another client"])
async def test_token_that_is_not_for_pybot_is_nobodys(
    server: Server, provider: str, redis_server_url: str, wrong: str
) -> None:
    async with reverse_proxy(server, provider, redis_server_url, more=(TOKENS,)) as site:
        ann = await program(site, "ann", "pybot" if wrong == "changed" else "another")
        if wrong == "changed":
            head, claims, signature = ann.token.split(".")
            ann.token = ".".join([head, claims, signature[::-1]])
        await refused(ann)


async def test_token_is_nothing_where_the_proxy_was_not_told(
    server: Server, provider: str, redis_server_url: str
) -> None:
    async with reverse_proxy(server, provider, redis_server_url) as site:
        await refused(await program(site, "ann"))


async def refused(user: Program) -> None:
    """Neither a request nor a WebSocket gets through."""
    assert (await post(user, WHO, []))[0] == 401
    assert await over_socket(user, []) == 401
