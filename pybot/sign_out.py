"""`/sign-out`: leads to where the proxy signs out, and closes what the user has open.

A WebSocket or an event stream is asked about when it opens, and would outlive the session. So this
is where pages link to; where the proxy signs out is its own affair (`SIGN_OUT_URL`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pybot.errors import Unavailable
from pybot.services.background.tasks import cancel_and_wait, log_failure

if TYPE_CHECKING:
    from pybot.services.container import Services
    from pybot.services.records import Viewer

logger = logging.getLogger(__name__)

# Seconds until a user's connections are closed. Their clients connect again at once, and the proxy
# must have ended the session by then.
DELAY = 10.0
_SIGNED_OUT = "signed-out"


class SignOut:
    """Answers `/sign-out`; `close_user` closes the connections of a user's key in this process."""

    def __init__(self, url: str, close_user: Callable[[str], Awaitable[None]]) -> None:
        self._url = url
        self._close_user = close_user
        self._closing: dict[str, asyncio.Task[None]] = {}

    async def answer(self, request: Request) -> Response:
        """Lead to the proxy's sign-out (303), and have every process close what the user has open.

        While Redis is away only this process does.
        """
        services: Services = request.state.services
        viewer: Viewer = request.state.viewer
        notice = f"{_SIGNED_OUT} {viewer.key}"
        self.heard(notice)
        try:
            await services.hub.notify(notice)
        except Unavailable as error:
            logger.warning("other processes do not hear that a user signed out: %s", error)
        return RedirectResponse(self._url, 303, {"cache-control": "no-store"})

    def heard(self, notice: str) -> None:
        """Close a user's connections after DELAY when the notice says that the user signed out."""
        kind, _, user = notice.partition(" ")
        if kind != _SIGNED_OUT:
            return
        if (closing := self._closing.pop(user, None)) is not None:
            closing.cancel()
        task = asyncio.create_task(self._close_later(user), name="closing of connections")
        task.add_done_callback(log_failure)
        self._closing[user] = task

    async def aclose(self) -> None:
        """Close nothing any more."""
        await cancel_and_wait(*self._closing.values())

    async def _close_later(self, user: str) -> None:
        await asyncio.sleep(DELAY)
        del self._closing[user]
        await self._close_user(user)
