"""A Jupyter gateway's REST interface, and the errors that its statuses mean."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from pydantic import SecretStr

from pybot.config import MIB
from pybot.services.background.tasks import cancel_and_wait
from pybot.services.kernels.base import KernelDied, KernelUnavailable
from pybot.services.kernels.gateway_frames import V1
from pybot.services.kernels.gateway_socket import KernelSocket
from pybot.services.kernels.messages import is_object

LARGEST_MESSAGE = 64 * MIB  # bytes; a kernel that sends larger ones is cut off
HEARTBEAT = 20  # seconds between pings
CLOSE_TIMEOUT = 1  # seconds for the other side to close as well
CALL_TIMEOUT = 10.0  # seconds for what is answered at once
BOOT_WATCH = 0.5  # seconds between two checks that a kernel which does not answer still exists
LONGEST_REASON = 300  # characters of a refusal that are passed on
DIED = "The kernel is gone, and its variables with it."


class GatewayHttp:
    """Talks to the gateway at `url`. Belongs to one event loop, on which it is first used.

    Raises KernelUnavailable when the gateway is out of reach or refuses, KernelDied where it
    knows no such kernel. `framing` is asked for; the gateway may not know it.
    """

    def __init__(
        self, url: str, token: SecretStr | None = None, *, framing: str | None = V1
    ) -> None:
        self._url: Final = url.rstrip("/")
        self._token = token
        self._protocols = () if framing is None else (framing,)
        self._opened: aiohttp.ClientSession | None = None

    async def call(
        self, method: str, path: str, body: Any = None, *, timeout: float = CALL_TIMEOUT
    ) -> Any:
        """What the gateway answers, read as JSON; None when it answers nothing."""
        try:
            async with self._session().request(
                method,
                f"{self._url}/api{path}",
                json=body,
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as response:
                content = await response.read()
                if response.status >= 400:
                    raise self._refusal(response.status, await _reason(response))
                return await response.json() if content else None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise self._unreachable(error) from error

    async def describe(self, kernel_id: str) -> dict[str, Any]:
        """What the gateway knows of a kernel. KernelDied when it knows none."""
        description = await self.call("GET", f"/kernels/{quote(kernel_id, safe='')}")
        return description if is_object(description) else {}

    async def act(self, kernel_id: str, action: str, *, timeout: float = CALL_TIMEOUT) -> None:
        """Have a kernel do something: `interrupt` or `restart`."""
        await self.call("POST", f"/kernels/{quote(kernel_id, safe='')}/{action}", timeout=timeout)

    async def delete(self, kernel_id: str) -> None:
        """End a kernel; one that is gone already is no error."""
        with contextlib.suppress(KernelDied):
            await self.call("DELETE", f"/kernels/{quote(kernel_id, safe='')}")

    @asynccontextmanager
    async def channels(self, kernel_id: str, session_id: str) -> AsyncGenerator[KernelSocket]:
        """A websocket to a kernel, once it answers; a session gets what it missed."""
        socket = await self._connect(kernel_id, session_id)
        try:
            yield KernelSocket(socket, session_id)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await socket.close()

    async def aclose(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            await self._opened.close()

    async def _connect(self, kernel_id: str, session_id: str) -> aiohttp.ClientWebSocketResponse:
        """Connect; check meanwhile that the kernel exists: if it fails to boot, nothing answers."""
        dialing = asyncio.ensure_future(self._dial(kernel_id, session_id))
        watching = asyncio.ensure_future(self._raise_when_gone(kernel_id))
        try:
            await asyncio.wait({dialing, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not dialing.done():
                await watching
            return await dialing
        finally:
            await cancel_and_wait(dialing, watching)

    async def _raise_when_gone(self, kernel_id: str) -> None:
        while True:
            await asyncio.sleep(BOOT_WATCH)
            await self.describe(kernel_id)

    async def _dial(self, kernel_id: str, session_id: str) -> aiohttp.ClientWebSocketResponse:
        url = f"{self._url}/api/kernels/{quote(kernel_id, safe='')}/channels"
        try:
            return await self._session().ws_connect(
                url,
                params={"session_id": session_id},
                protocols=self._protocols,
                max_msg_size=LARGEST_MESSAGE,
                heartbeat=HEARTBEAT,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise self._refusal(error.status, error.message) from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error) from error

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            headers: dict[str, str] = {}
            if self._token is not None:
                headers["Authorization"] = f"token {self._token.get_secret_value()}"
            self._opened = aiohttp.ClientSession(headers=headers)
        return self._opened

    def _refusal(self, status: int, reason: str) -> Exception:
        match status:
            case 404:
                return KernelDied(DIED)
            case 401:
                return KernelUnavailable(
                    f"The gateway at {self._url} refuses Pybot: check JUPYTER__GATEWAY_TOKEN."
                )
            case _:
                return KernelUnavailable(f"The gateway refused ({status}): {reason}")

    def _unreachable(self, error: Exception) -> KernelUnavailable:
        why = str(error) or "no answer in time"
        return KernelUnavailable(
            f"The gateway at {self._url} does not answer ({why}). Check JUPYTER__GATEWAY_URL."
        )


async def _reason(response: aiohttp.ClientResponse) -> str:
    """Why the gateway refused, in its own words."""
    with contextlib.suppress(aiohttp.ClientError, ValueError):
        body: Any = await response.json()
        if is_object(body):
            return str(body.get("reason") or body.get("message"))[:LONGEST_REASON]
    return str(response.reason)
