"""The web app in Chromium, as somebody uses it who comes through the proxy."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    WebError,
    WebSocket,
    async_playwright,
    expect,
)

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = (
    # As root, in a container, Chromium's own sandbox cannot start.
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    # The provider's pages name a style sheet of another host; no test waits for it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
TIMEOUT = 15_000  # milliseconds

expect.set_options(timeout=TIMEOUT)


class Visitor:
    """Somebody with a browser of their own: its cookies are nobody else's."""

    def __init__(
        self,
        context: BrowserContext,
        page: Page,
        site: str,
        provider: str,
        sign_out_path: str | None = None,
    ) -> None:
        self.context, self.page, self.site, self.provider = context, page, site, provider
        self._sign_out_path = sign_out_path
        self.sockets: list[WebSocket] = []
        self.requests: list[str] = []
        self.frames: list[str] = []
        self.faults: list[str] = []
        page.on("websocket", self._watch)
        page.on("request", lambda request: self.requests.append(request.url))
        context.on("weberror", self._note_error)
        context.on("console", self._note_message)

    def _watch(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framereceived", lambda frame: self.frames.append(str(frame)))

    def _note_error(self, error: WebError) -> None:
        self.faults.append(error.error.message)

    def _note_message(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text and message.location["url"].startswith(
            self.site
        ):
            self.faults.append(message.text)

    @property
    def box(self) -> Locator:
        """Where messages are typed."""
        return self.page.get_by_role("textbox", name="Message")

    @property
    def answer(self) -> Locator:
        """The newest answer."""
        return self.page.get_by_role("article", name="Pybot").last

    @property
    def question(self) -> Locator:
        """The newest question."""
        return self.page.get_by_role("article", name="You").last

    @property
    def titles(self) -> Locator:
        """What the list of conversations shows."""
        return self.page.get_by_role("navigation").get_by_role("listitem").get_by_role("link")

    @property
    def signed_out(self) -> Locator:
        """What the web app says once it may not go on."""
        return self.page.get_by_role("status").filter(has_text="You are signed out.")

    async def open(self, path: str = "/") -> None:
        """Go to an address of the site."""
        await self.page.goto(f"{self.site}{path}")

    async def expect_login(self) -> None:
        """The page is the provider's, which asks who it is."""
        await expect(self.page.get_by_role("textbox")).to_be_visible()
        assert self.page.url.startswith(f"{self.provider}/oauth2/authorize?"), self.page.url

    async def sign_in(self, name: str) -> None:
        """Fill in the form of the provider, which leads back to the web app."""
        await self.expect_login()
        await self.page.get_by_role("textbox").fill(name)
        await self.page.get_by_role("button", name="Authorize").click()
        await expect(self.box).to_be_visible()
        assert self.page.url.startswith(f"{self.site}/"), self.page.url

    async def ask(self, text: str) -> None:
        """Type a message and send it."""
        await self.box.fill(text)
        await self.box.press("Enter")

    async def until_answered(self) -> str:
        """Wait for the end of the answer; the path of its conversation."""
        await expect(self.page.get_by_text("Answer finished")).to_be_attached()
        return self.page.url.removeprefix(self.site)

    async def sign_out(self) -> None:
        """Open the address that docs/sign-in.md gives for it, in another tab."""
        page = await self.context.new_page()
        if self._sign_out_path is None:
            await page.goto(f"{self.site}/oidc/callback?logout={self.site}/")
            await page.get_by_role("button", name="End session").click()
        else:
            await page.goto(f"{self.site}{self._sign_out_path}")
        await page.wait_for_url(f"{self.provider}/oauth2/authorize?*")
        await page.close()


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    """The machine's browser; nothing is downloaded for a test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visitor(
    browser: Browser, site: str, provider: str, sign_out_path: str | None = None
) -> AsyncGenerator[Visitor]:
    """Somebody new; the web app in their page breaks nowhere.

    `sign_out_path` ends the session of another proxy than Apache without a question.
    """
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        somebody = Visitor(context, await context.new_page(), site, provider, sign_out_path)
        yield somebody
        assert somebody.faults == []
    finally:
        await context.close()
