"""The web app in a real browser behind oauth2-proxy, as proxy and asked by nginx."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.client import text_of
from tests.fixtures.server import Server
from tests.signin.chromium import Visitor, visitor
from tests.signin.doors import DOORS
from tests.signin.site import Site
from tests.signin.test_browser import chat, events_of
from tests.signin.test_doors import LONGEST, PICTURE

# The name of whoever is signed in, by an EventSource; a query is answered by one event.
WHO_BY_EVENTS = """() => new Promise((resolve, reject) => {
  const source = new EventSource("/graphql?query={viewer{username}}")
  source.addEventListener("next", (event) => { source.close(); resolve(event.data) })
  source.onerror = () => { source.close(); reject(new Error("no event")) }
})"""


@pytest.fixture(params=DOORS)
async def site(
    request: pytest.FixtureRequest, server: Server, provider: str, redis_server_url: str
) -> AsyncIterator[Site]:
    """A site behind each of the two."""
    async with DOORS[request.param](server, provider, redis_server_url) as running:
        yield running


def visit(browser: Browser, site: Site) -> AbstractAsyncContextManager[Visitor]:
    """Somebody with a browser of their own."""
    return visitor(browser, site.url, site.provider, site.sign_out_path)


async def test_two_users_chat_and_see_nothing_of_each_other(
    site: Site, server: Server, browser: Browser
) -> None:
    async with visit(browser, site) as ann, visit(browser, site) as bob:
        paths: dict[str, str] = {}
        for name, user in (("ann", ann), ("bob", bob)):
            await user.open()
            await user.sign_in(name)
            paths[name] = await chat(user, name, server.tgi)
            await expect(user.titles).to_have_text([f"Plan of {name}"])
            assert text_of(events_of(user)) == f"only for {name}"
            assert f'"username":"{name}"' in await user.page.evaluate(WHO_BY_EVENTS)
        await bob.open(paths["ann"])
        await expect(bob.page.get_by_role("heading", level=1)).to_have_text("There is nothing here")


async def test_message_of_a_signed_out_user_is_sent_when_they_are_back(
    site: Site, browser: Browser
) -> None:
    """The login leads back to the conversation."""
    async with visit(browser, site) as ann:
        await ann.open()
        await ann.sign_in("ann")
        await ann.ask("[[answer: all is well]]")
        path = await ann.until_answered()
        await ann.sign_out()
        await ann.ask("[[answer: still here]]")
        await expect(ann.signed_out).to_be_visible()
        await expect(ann.question).to_contain_text("Not sent")
        await ann.page.get_by_role("button", name="Sign in again").click()
        await ann.sign_in("ann")
        assert ann.page.url == f"{site.url}{path}"
        await ann.question.get_by_role("button", name="Retry").click()
        await expect(ann.answer).to_contain_text("still here")


async def test_answer_is_whole_when_its_user_was_signed_out_in_the_middle(
    site: Site, server: Server, browser: Browser
) -> None:
    async with visit(browser, site) as ann:
        await ann.open()
        await ann.sign_in("ann")
        await ann.ask("[[hold: 1]] [[answer: all of it]]")
        await server.tgi.held()
        await expect(ann.answer).to_contain_text("all")
        await ann.sign_out()
        server.tgi.release()
        path = await ann.until_answered()
        await ann.open(path)
        await ann.sign_in("ann")
        await expect(ann.answer).to_contain_text("all of it")


async def test_picture_and_longest_message_pass(
    site: Site, browser: Browser, tmp_path: Path
) -> None:
    async with visit(browser, site) as ann:
        await ann.open()
        await ann.sign_in("ann")
        await ann.ask(f"[[code: {PICTURE}]] [[answer: see]]".ljust(LONGEST, "x"))
        await ann.until_answered()
        picture = ann.answer.get_by_role("img").first
        await expect(picture).to_be_visible()
        assert await picture.evaluate("image => image.naturalWidth") == 1
        await ann.page.screenshot(path=tmp_path / "picture.png")


async def test_error_page_of_the_proxy_is_shown_as_its_own(site: Site, browser: Browser) -> None:
    """A login that nobody began."""
    async with visit(browser, site) as ann:
        answer = await ann.page.goto(f"{site.url}/oauth2/callback?code=x&state=y")
        assert answer is not None
        assert answer.status >= 400
        await expect(ann.page).to_have_title(re.compile(f"^{answer.status} "))
        await expect(ann.box).to_have_count(0)
