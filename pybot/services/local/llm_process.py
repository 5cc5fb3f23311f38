"""The local model's server as a program of the stack."""

import socket
import sys
from pathlib import Path

import aiohttp

from pybot.services.local.process import Program


class LlmServer:
    """The model behind TGI's HTTP API, on a port of loopback that stays the same."""

    def __init__(self, directory: Path) -> None:
        self._port = _free_port()
        self.program = Program(
            name="the local model",
            argv=(
                sys.executable,
                "-m",
                "pybot.services.local.llm_server",
                "--port",
                str(self._port),
            ),
            log=directory / "model.log",
            ready=self._answers,
            start_timeout=60,
        )

    @property
    def url(self) -> str:
        """Where it answers: what `LLM__URL` takes."""
        return f"http://127.0.0.1:{self._port}"

    async def _answers(self) -> bool:
        """Whether the model is loaded."""
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session,
                session.get(f"{self.url}/health") as response,
            ):
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


def _free_port() -> int:
    """A port that nobody listens on now; it stays the server's over restarts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
