"""What holds behind each proxy alike: who one is, what passes, what ends a session."""

import asyncio
import base64
import io
import json
import re
from asyncio.subprocess import PIPE

import aiohttp
import pytest
from multidict import CIMultiDict

from tests.client import GraphQLErrors, run_of, text_of
from tests.fixtures.server import Server
from tests.manifests.tools import MANIFESTS
from tests.signin.browser import SignedIn
from tests.signin.oauth2_proxy import COMPONENT, arguments
from tests.signin.proxy import ROOT
from tests.signin.site import Site
from tests.signin.test_spoofing import OWN, STRIPPED, UNDERSCORES, Pairs, over_socket, post

WHO = "{ viewer { username email } }"
CONNECTIONS = [("Connection", "Upgrade, X-Forwarded-User"), OWN]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE = (
    f"from IPython.display import Image, display; display(Image(bytes.fromhex('{PIXEL.hex()}')))"
)
LONGEST = 32_000  # characters of a message
TOO_LARGE = 1_100_000  # bytes of a body
SEVERAL_COOKIES = 6_000  # bytes
EVENTS = """
subscription Events($id: ID!, $after: String) {
  conversationEvents(conversationId: $id, after: $after) {
    __typename ... on RunChangedEvent { run { status } }
  }
}
"""


async def signed_in(site: Site, name: str, path: str = "/") -> SignedIn:
    """A user of whom the provider knows an address."""
    claims = {"email": f"{name}@example.com"}
    async with site.http.put(f"{site.provider}/users/{name}", json=claims) as response:
        assert response.ok
    return await site.user(name, path)


async def test_two_users_follow_their_own_answers(door: Site) -> None:
    ann, bob = await signed_in(door, "ann"), await signed_in(door, "bob")
    for user in (ann, bob):
        who = (await user.ask(WHO))["viewer"]
        assert who == {"username": user.user, "email": f"{user.user}@example.com"}
    first, second = await ann.send("[[answer: for ann]]"), await bob.send("[[answer: for bob]]")
    followed = await asyncio.gather(ann.until_ended(first), bob.until_ended(second))
    assert [text_of(events) for events in followed] == ["for ann", "for bob"]
    assert await ann.snapshot(second["conversation"]["id"]) is None
    with pytest.raises(GraphQLErrors) as refused:
        await bob.until_ended(first)
    assert refused.value.code == "NOT_FOUND"


async def test_login_leads_back_to_the_address_that_was_opened(door: Site) -> None:
    path = "/conversations/one?from=a%20mail&line=3"
    ann = await signed_in(door, "ann", path)
    assert (await ann.ask(WHO))["viewer"]["username"] == "ann"


async def test_program_without_a_session_is_told_so(door: Site) -> None:
    nobody = SignedIn(door.url, "nobody", door.http)
    nothing: Pairs = []
    for pairs in (nothing, *STRIPPED.values(), UNDERSCORES, CONNECTIONS):
        assert (await post(nobody, WHO, pairs))[0] in (401, 403), pairs
        assert await over_socket(nobody, pairs) in (401, 403), pairs


@pytest.mark.parametrize("pairs", STRIPPED.values(), ids=STRIPPED)
async def test_own_header_of_a_user_is_taken_away(door: Site, pairs: Pairs) -> None:
    ann = await signed_in(door, "ann")
    status, answer = await post(ann, WHO, pairs)
    assert (status, answer["data"]["viewer"]["username"]) == (200, "ann")
    assert await over_socket(ann, pairs) == "ann"


@pytest.mark.parametrize("pairs", [UNDERSCORES, CONNECTIONS], ids=["underscores", "connection"])
async def test_no_spelling_makes_a_user_another(door: Site, pairs: Pairs) -> None:
    """Refused, or taken away: never believed."""
    ann = await signed_in(door, "ann")
    status, answer = await post(ann, WHO, pairs)
    assert status in (401, 403) or answer["data"]["viewer"]["username"] == "ann"
    assert await over_socket(ann, pairs) in (401, 403, 4401, "ann")


async def test_longest_message_passes_and_a_body_too_large_is_named(door: Site) -> None:
    ann = await signed_in(door, "ann")
    text = "[[answer: all of it]] ".ljust(LONGEST, "ä")
    sent = await ann.send(text)
    assert sent["errors"] == []
    assert sent["message"]["text"] == text
    assert run_of(await ann.until_ended(sent))["status"] == "COMPLETED"
    body = json.dumps({"query": f"{WHO} #{'x' * TOO_LARGE}"}).encode()
    headers = {**ann.headers, "Content-Type": "application/json"}
    async with door.http.post(
        f"{door.url}/graphql", data=io.BytesIO(body), headers=headers
    ) as response:
        assert response.status == 413
        answer = await response.json(content_type=None)
    assert "larger than 1048576 bytes" in answer["errors"][0]["message"]


async def test_event_stream_passes_while_the_answer_is_written(door: Site) -> None:
    ann = await signed_in(door, "ann")
    sent = await ann.send("[[answer: all is well]]")
    variables = {"id": sent["conversation"]["id"], "after": sent["eventCursor"]}
    headers = CIMultiDict([*ann.headers.items(), ("Accept", "text/event-stream")])
    seen: list[str] = []
    async with door.http.post(
        f"{door.url}/graphql", json={"query": EVENTS, "variables": variables}, headers=headers
    ) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        async for line in response.content:
            if line.startswith(b"data: {"):
                event = json.loads(line[6:])["data"]["conversationEvents"]
                seen.append(event.get("run", {}).get("status", event["__typename"]))
                if seen[-1] == "COMPLETED":
                    break
    assert "TextDeltaEvent" in seen


async def test_picture_of_an_answer_is_fetched_by_its_user_alone(door: Site) -> None:
    ann, bob = await signed_in(door, "ann"), await signed_in(door, "bob")
    sent = await ann.send(f"[[code: {PICTURE}]] [[answer: see]]")
    events = await ann.until_ended(sent)
    [output] = [event["output"] for event in events if event["__typename"] == "OutputChangedEvent"]
    [url] = [each["url"] for each in output["representations"] if each["mediaType"] == "image/png"]
    path = f"/{url.split('/', 3)[3]}" if "://" in url else url
    status, content, headers = await ann.get(path)
    assert (status, content, headers["Content-Type"]) == (200, PIXEL, "image/png")
    assert (await bob.get(path))[0] == 404


async def sign_out(site: Site, user: SignedIn) -> None:
    """Open the address of the proxy that ends the session."""
    async with site.http.get(
        f"{site.url}{site.sign_out_path}", headers=user.headers, allow_redirects=False
    ) as response:
        assert response.status == 302


async def test_session_and_what_was_open_end_with_the_sign_out(
    door: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser goes by way of Pybot to the address of the proxy."""
    monkeypatch.setattr("pybot.sign_out.DELAY", 1)
    ann = await signed_in(door, "ann")
    async with ann.socket() as socket:
        async with door.http.get(
            f"{door.url}/sign-out", headers=ann.headers, allow_redirects=False
        ) as response:
            assert response.status == 303
        await sign_out(door, ann)
        async with asyncio.timeout(10):
            await socket.connection.wait_closed()
        assert socket.connection.close_code == 1012
    assert (await post(ann, WHO, []))[0] == 401
    assert await over_socket(ann, []) == 401


async def test_answer_is_written_on_when_its_user_signs_out(door: Site, server: Server) -> None:
    ann = await signed_in(door, "ann")
    sent = await ann.send("[[hold: 1]] [[answer: all of it]]")
    await server.tgi.held()
    await sign_out(door, ann)
    server.tgi.release()
    again = await signed_in(door, "ann")
    assert text_of(await again.until_ended(sent)) == "all of it"


async def test_cookies_of_other_sites_in_the_domain_pass(door: Site) -> None:
    """They are more than what one cookie may hold."""
    ann = await signed_in(door, "ann")
    ann.cookie += f"; other={'x' * SEVERAL_COOKIES}"
    assert (await ann.ask(WHO))["viewer"]["username"] == "ann"
    assert await over_socket(ann, []) == "ann"


async def test_foreign_pages_are_refused(door: Site) -> None:
    ann = await signed_in(door, "ann")
    create = 'mutation { createConversation(input: {title: "x"}) { conversation { id } } }'
    assert (await post(ann, create, [("Origin", "https://evil.example")]))[0] == 403
    assert await over_socket(ann, [], "https://evil.example") == 4403
    assert (await post(ann, create, [("Origin", door.url)]))[0] == 200
    assert await over_socket(ann, [], door.url) == "ann"


async def test_error_page_of_the_proxy_is_no_answer_of_pybot(door: Site) -> None:
    """A callback that nobody asked for: a page of the proxy, with its status."""
    path = "/oidc/callback" if "oidc" in door.sign_out_path else "/oauth2/callback"
    async with door.http.get(
        f"{door.url}{path}", params={"code": "x", "state": "y"}, allow_redirects=False
    ) as response:
        assert 400 <= response.status < 600
        assert "text/html" in response.headers["Content-Type"]
        with pytest.raises(aiohttp.ContentTypeError):
            await response.json()


async def test_documented_checks_find_what_they_should(door: Site) -> None:
    """All but the last, which needs a cluster."""
    ann = await signed_in(door, "ann")
    chapter = (ROOT / "docs" / "sign-in.md").read_text().split("## Check your own\n")[1]
    [script] = re.findall(r"```sh\n(.*?)# 5\.", chapter, re.DOTALL)
    for old, new in {"https://pybot.example.com": door.url, "_oauth2_proxy=…": ann.cookie}.items():
        assert old in script, old
        script = script.replace(old, new)
    process = await asyncio.create_subprocess_exec("bash", "-ec", script, stdout=PIPE)
    printed, _ = await process.communicate()
    assert process.returncode == 0
    claimed, own, socket, foreign = printed.decode().split()
    assert (claimed, socket, foreign) == ("401", "101", "403")
    assert json.loads(own)["data"]["viewer"]["username"] == "ann"


def test_each_flag_of_the_manifests_is_explained() -> None:
    readme = (MANIFESTS / "README.md").read_text()
    for overlay in ("production", "istio"):
        for flag in arguments(overlay):
            assert f"`{flag.split('=')[0]}" in readme, flag


def test_manifests_name_the_version_that_is_run() -> None:
    module = (ROOT / "tests" / "signin" / "proxies" / "go.mod").read_text()
    [version] = re.findall(r"oauth2-proxy/oauth2-proxy/v7 (v\S+)", module)
    assert f"newTag: {version}\n" in (COMPONENT / "kustomization.yaml").read_text()
