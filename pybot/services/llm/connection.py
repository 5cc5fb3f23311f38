"""The connection to a model's service: requests, and streams with a limit on silence.

Whatever goes wrong below comes out as ModelError, so that adapters only know what is said.
"""

import asyncio
import logging
from collections.abc import Callable

import aiohttp

from pybot.config import LlmSettings
from pybot.services.llm import refusals
from pybot.services.llm.base import ModelError
from pybot.services.llm.sse import EventReader, TooLarge
from pybot.services.records import RunErrorCode

CONNECT_TIMEOUT = 10  # seconds
INFO_TIMEOUT = 5  # seconds
log = logging.getLogger(__name__)


class Connection:
    """Speaks with the service at `url`; `refusal` reads a status above 200 and its body."""

    def __init__(
        self, settings: LlmSettings, url: str, refusal: Callable[[int, bytes], ModelError]
    ) -> None:
        self._settings = settings
        self._url = url
        self._refusal = refusal
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str) -> bytes:
        """What is said at `path`. Raises aiohttp.ClientError and TimeoutError."""
        timeout = aiohttp.ClientTimeout(total=INFO_TIMEOUT)
        async with self._open().get(f"{self._url}{path}", timeout=timeout) as response:
            response.raise_for_status()
            return await response.read()

    async def post(self, path: str, body: bytes | str) -> aiohttp.ClientResponse:
        """Send a request for a stream; the response once its status is known to be good."""
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
        try:
            async with asyncio.timeout(self._settings.idle_timeout):
                response = await self._open().post(f"{self._url}{path}", data=body, headers=headers)
                if response.status == 200:
                    return response
                async with response:
                    raise self._refusal(response.status, await response.read())
        except TimeoutError as error:
            raise stalled(self._settings.idle_timeout) from error
        except aiohttp.ClientError as error:
            log.warning("the model's service at %s: %r", self._url, error)
            raise refusals.unreachable() from error

    def reader(self, response: aiohttp.ClientResponse) -> "StreamReader":
        """What reads the stream of a response; enter it to read."""
        return StreamReader(response, self._settings.idle_timeout)

    async def aclose(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        """The one session; a connection is not used again: a stale one would lose a request."""
        if self._session is None or self._session.closed:
            creds = self._settings.creds.get_secret_value()
            headers = {} if creds in ("", "EMPTY") else {"Authorization": f"Bearer {creds}"}
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
            )
        return self._session


class StreamReader(EventReader):
    """Reads the data of events; what breaks the stream is a ModelError."""

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout: float) -> None:
        super().__init__(response, idle_timeout)
        self._patience = idle_timeout

    async def read(self) -> list[bytes]:
        """The data of the next events; nothing once the service has ended the stream."""
        try:
            return await super().read()
        except TimeoutError as error:
            raise stalled(self._patience) from error
        except TooLarge as error:
            raise garbage() from error
        except (aiohttp.ClientError, ConnectionError) as error:
            log.warning("the model's stream was cut: %r", error)
            message = "The answer broke off: the connection to the model was cut."
            raise interrupted(message) from error


def stalled(seconds: float) -> ModelError:
    """A service that was silent for so long."""
    return interrupted(f"The answer broke off: the model was silent for {seconds:g} s.")


def interrupted(message: str) -> ModelError:
    """A generation that ended before its end."""
    return ModelError(RunErrorCode.MODEL_INTERRUPTED, message)


def ended_early() -> ModelError:
    """A stream that ended without saying that it was whole."""
    return interrupted("The answer broke off: the model's service ended it too early.")


def garbage() -> ModelError:
    """A stream that is none."""
    return interrupted("The answer broke off: the model's service sent garbage.")
