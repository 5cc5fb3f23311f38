"""The connection to a model's service: requests, and streams with a limit on silence.

Whatever goes wrong below comes out as ModelError, so that adapters only know what is said.
"""

import asyncio
import logging
from collections.abc import Callable

import aiohttp

from pybot.config import LlmSettings
from pybot.services.llm import errors
from pybot.services.llm.base import ModelError
from pybot.services.llm.sse import EventReader, TooLarge

CONNECT_TIMEOUT = 10  # seconds
INFO_TIMEOUT = 5  # seconds
logger = logging.getLogger(__name__)


class ModelHttp:
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
            raise errors.stalled(self._settings.idle_timeout) from error
        except aiohttp.ClientError as error:
            logger.warning("the model's service at %s: %r", self._url, error)
            raise errors.unreachable() from error

    def reader(self, response: aiohttp.ClientResponse) -> "ModelStream":
        """What reads the stream of a response; enter it to read."""
        return ModelStream(response, self._settings.idle_timeout)

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


class ModelStream(EventReader):
    """Reads the data of events; what breaks the stream is a ModelError."""

    def __init__(self, response: aiohttp.ClientResponse, idle_timeout: float) -> None:
        super().__init__(response, idle_timeout)
        self._idle_timeout = idle_timeout

    async def read(self) -> list[bytes]:
        """The data of the next events; nothing once the service has ended the stream."""
        try:
            return await super().read()
        except TimeoutError as error:
            raise errors.stalled(self._idle_timeout) from error
        except TooLarge as error:
            raise errors.unreadable() from error
        except (aiohttp.ClientError, ConnectionError) as error:
            logger.warning("the model's stream was cut: %r", error)
            message = "The answer broke off: the connection to the model was cut."
            raise errors.interrupted(message) from error
