"""Whether everything that Pybot needs works."""

import asyncio

from pybot.errors import Unavailable
from pybot.services.background.supervisor import Supervisor
from pybot.services.kernels.base import Kernels, KernelUnavailable
from pybot.services.llm.base import ChatModel
from pybot.services.store.client import Client
from pybot.services.store.write_check import why_writes_fail

PROBE_TIMEOUT = 3.0  # seconds for one of them to answer


class Readiness:
    """Asks each backend, and this process's own loops."""

    def __init__(
        self, client: Client, supervisor: Supervisor, model: ChatModel, provider: Kernels
    ) -> None:
        self._client = client
        self._supervisor = supervisor
        self._model = model
        self._provider = provider

    async def check(self) -> dict[str, str]:
        """Each by its name, with "ok" or what is wrong with it."""
        redis, writes, model, kernels = await asyncio.gather(
            self._redis(), self._writes(), self._models(), self._kernels()
        )
        return {
            "loops": self._supervisor.failure or "ok",
            "redis": redis,
            "writes": writes,
            "model": model,
            "kernels": kernels,
        }

    async def _redis(self) -> str:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                await self._client.ping()
        except (Unavailable, TimeoutError) as error:
            return f"{str(error) or 'Redis does not answer in time.'} Check REDIS_OM_URL."
        return "ok"

    async def _writes(self) -> str:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                return await why_writes_fail(self._client) or "ok"
        except (Unavailable, TimeoutError):
            return "not known while Redis is out of reach"

    async def _models(self) -> str:
        info = await self._model.info()
        if info.available:
            return "ok"
        return "The model does not answer, or is not there: check LLM__URL and LLM__MODEL."

    async def _kernels(self) -> str:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                await self._provider.check()
        except (KernelUnavailable, TimeoutError) as error:
            return str(error) or "The provider of kernels does not answer."
        return "ok"
