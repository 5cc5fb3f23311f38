"""The web app behind the proxy, in a real browser: sign in, chat, sign out, sign in again."""

import json
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from pybot import sign_out
from tests.client import text_of
from tests.fixtures.server import Server, Start
from tests.scripted_tgi import ScriptedTGI
from tests.signin.chromium import Visitor, visitor
from tests.signin.conftest import Open
from tests.signin.site import Site

A_MINUTE = 60_000  # milliseconds
# A proxy that leads also programs to its login page, in place of the documented 401.
REDIRECTING = {"OIDCUnAuthAction 401": "OIDCUnAuthAction auth true"}


def events_of(user: Visitor) -> list[dict[str, Any]]:
    """The conversations that the page received over its WebSocket."""
    messages: list[dict[str, Any]] = [json.loads(frame) for frame in user.frames]
    payloads: list[dict[str, Any]] = [
        message["payload"]["data"] for message in messages if message["type"] == "next"
    ]
    return [data["conversationEvents"] for data in payloads if "conversationEvents" in data]


async def chat(user: Visitor, name: str, tgi: ScriptedTGI) -> str:
    """See an answer begin and end; the path of its conversation."""
    await user.ask(f"[[hold: 1]] [[answer: only for {name}]] [[title: Plan of {name}]]")
    await tgi.held()
    await expect(user.answer).to_contain_text("only")
    await expect(user.answer).to_have_attribute("aria-busy", "true")
    tgi.release()
    path = await user.until_answered()
    await expect(user.answer).to_contain_text(f"only for {name}")
    return path


async def test_two_users_chat_and_see_nothing_of_each_other(
    site: Site, server: Server, browser: Browser
) -> None:
    async with (
        visitor(browser, site.url, site.provider) as ann,
        visitor(browser, site.url, site.provider) as bob,
    ):
        address = f"ws{site.url.removeprefix('http')}/graphql"
        paths: dict[str, str] = {}
        for name, user in (("ann", ann), ("bob", bob)):
            await user.open()
            await user.sign_in(name)
            paths[name] = await chat(user, name, server.tgi)
            await expect(user.titles).to_have_text([f"Plan of {name}"])
            assert {socket.url for socket in user.sockets} == {address}
            assert text_of(events_of(user)) == f"only for {name}"
        for user, own, foreign in ((ann, "ann", "bob"), (bob, "bob", "ann")):
            await user.open(paths[foreign])
            await expect(user.page.get_by_role("heading", level=1)).to_have_text(
                "There is nothing here"
            )
            await expect(user.titles).to_have_text([f"Plan of {own}"])
            await user.open(paths[own])
            await expect(user.answer).to_contain_text(f"only for {own}")


async def test_signed_out_visitor_is_led_back_to_where_they_were(
    site: Site, browser: Browser
) -> None:
    async with visitor(browser, site.url, site.provider) as ann:
        await ann.open()
        await ann.sign_in("ann")
        await ann.ask("[[answer: all is well]]")
        path = await ann.until_answered()
        await ann.sign_out()
        await ann.open(path)
        await ann.sign_in("ann")
        assert ann.page.url == f"{site.url}{path}"
        await expect(ann.answer).to_contain_text("all is well")


@pytest.mark.parametrize("refusal", [{}, REDIRECTING], ids=["401", "redirect"])
async def test_open_page_says_once_that_the_session_has_ended(
    start: Start, open_site: Open, browser: Browser, refusal: dict[str, str]
) -> None:
    async with (
        start(limits={"socket_max_age": 2}) as server,
        open_site(server, refusal) as site,
        visitor(browser, site.url, site.provider) as ann,
    ):
        await ann.page.clock.install()
        await ann.open()
        await ann.sign_in("ann")
        await ann.ask("[[answer: all is well]]")
        path = await ann.until_answered()
        await ann.sign_out()
        await expect(ann.signed_out).to_be_visible()
        tried = len(ann.sockets), len(ann.requests)
        await ann.page.clock.run_for(A_MINUTE)
        assert (len(ann.sockets), len(ann.requests)) == tried
        await expect(ann.answer).to_contain_text("all is well")
        await ann.page.get_by_role("button", name="Sign in again").click()
        await ann.sign_in("ann")
        assert ann.page.url == f"{site.url}{path}"
        await expect(ann.answer).to_contain_text("all is well")
        await expect(ann.signed_out).to_have_count(0)


async def test_message_of_a_signed_out_user_is_there_when_they_are_back(
    server: Server, open_site: Open, browser: Browser
) -> None:
    """The socket is still open; it is the request that fails."""
    async with (
        open_site(server, REDIRECTING) as site,
        visitor(browser, site.url, site.provider) as ann,
    ):
        await ann.open()
        await ann.sign_in("ann")
        await ann.ask("[[answer: all is well]]")
        await ann.until_answered()
        await ann.sign_out()
        await ann.ask("[[answer: still here]]")
        await expect(ann.signed_out).to_be_visible()
        await expect(ann.question).to_contain_text("Not sent")
        await ann.page.get_by_role("button", name="Sign in again").click()
        await ann.sign_in("ann")
        await ann.question.get_by_role("button", name="Retry").click()
        await expect(ann.answer).to_contain_text("still here")
        await expect(ann.page.get_by_role("article", name="You")).to_have_count(2)


async def test_menu_signs_out_and_what_was_open_is_closed(
    start: Start, open_site: Open, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_out, "DELAY", 1)
    async with (
        start(sign_out_url="/oidc/callback?logout=%2F") as server,
        open_site(server) as site,
        visitor(browser, site.url, site.provider) as ann,
    ):
        await ann.open()
        await ann.sign_in("ann")
        await ann.ask("[[answer: all is well]]")
        await ann.until_answered()
        tab = await ann.context.new_page()
        await tab.goto(site.url)
        await tab.get_by_role("button", name="Account").click()
        await expect(tab.get_by_text("ann", exact=True)).to_be_visible()
        await tab.get_by_role("menuitem", name="Sign out").click()
        await expect(tab.get_by_role("button", name="End session")).to_be_visible()
        await expect(ann.signed_out).to_be_visible()
        await expect(ann.answer).to_contain_text("all is well")


async def test_page_of_somebody_else_is_loaded_anew(site: Site, browser: Browser) -> None:
    """Its requests would be those of the one who has signed in since."""
    async with visitor(browser, site.url, site.provider) as ann:
        await ann.open()
        await ann.sign_in("ann")
        await ann.ask("[[answer: only for ann]] [[title: Plan of ann]]")
        await ann.until_answered()
        await ann.sign_out()
        tab = await ann.context.new_page()
        bob = Visitor(ann.context, tab, site.url, site.provider)
        await bob.open()
        await bob.sign_in("bob")
        await expect(ann.page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
        await expect(ann.titles).to_have_count(0)


async def test_next_user_of_a_browser_finds_no_text_of_the_one_before(
    site: Site, browser: Browser
) -> None:
    async with visitor(browser, site.url, site.provider) as user:
        await user.open()
        await user.sign_in("ann")
        await user.sign_out()
        await user.ask("a message of ann")
        await expect(user.question).to_contain_text("Not sent")
        await user.box.fill("a draft of ann")
        await user.page.get_by_role("button", name="Sign in again").click()
        await user.sign_in("bob")
        await expect(user.box).to_have_value("")
        await expect(user.question).to_have_count(0)
        kept = await user.page.evaluate("JSON.stringify(localStorage)")
        assert "of ann" not in kept
