"""llama.cpp with one model, in this process, used over its own HTTP on a private socket.

Its HTTP interface, and not the calls in Python, because a request ends there as soon as the
connection is closed, token IDs and their probabilities come along, and nothing blocks.
"""

import contextlib
import importlib
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from pybot.services.local.tgi_types import MAX_CONTEXT

PARALLEL = 2  # requests at a time
CONTEXT = MAX_CONTEXT  # tokens of each
# Cancelling is seen between two batches of a prompt: a quarter of a second on two slow cores.
BATCH = 64
MAX_THREADS = 4  # more make so small a model slower
PREFIX = "pybot-llm-"
CACHE = 256  # MiB of prompts that were evaluated


class LlamaError(Exception):
    """llama.cpp refused or failed; the message is its own."""


class Probability(Struct, frozen=True):
    """A token and its logarithmic probability, `top_logprobs` the likeliest in its place."""

    id: int
    token: str
    logprob: float
    top_logprobs: tuple["Probability", ...] = ()


class Chunk(Struct, frozen=True):
    """What comes at once: a token whose text is whole, or the end, with `stop_type`."""

    content: str
    stop: bool
    tokens_predicted: int = 0
    tokens_evaluated: int = 0
    stop_type: str = ""  # "eos" or "limit"
    completion_probabilities: tuple[Probability, ...] = ()


class Piece(Struct, frozen=True):
    """A token of a prompt; a list of bytes where it is no whole character."""

    id: int
    piece: str | list[int]


class _Tokens(Struct, frozen=True):
    tokens: list[Piece]


_chunk = msgspec.json.Decoder(Chunk)
_tokens = msgspec.json.Decoder(_Tokens)


class Llama:
    """A loaded model. Loading blocks for half a second; the rest is for one event loop."""

    def __init__(self, model: Path) -> None:
        self._folder = _new_folder(Path(_short_folder()))
        self._socket = self._folder / "llama.sock"
        xllamacpp: Any = importlib.import_module("xllamacpp")  # it has no types, and loads slowly
        parameters = xllamacpp.CommonParams()
        _set(parameters, model, self._socket)
        self._server = xllamacpp.Server(parameters)
        self._session: aiohttp.ClientSession | None = None

    async def tokenize(self, text: str) -> list[Piece]:
        """The tokens of a prompt; control tokens written in it count as such."""
        body = {"content": text, "with_pieces": True, "parse_special": True}
        async with await self._post("/tokenize", body) as response:
            return _tokens.decode(await response.read()).tokens

    async def complete(
        self, tokens: Sequence[int], settings: Mapping[str, Any]
    ) -> AsyncGenerator[Chunk]:
        """Continue a prompt; the last chunk has `stop`. Closing the iterator stops the model."""
        body = {**settings, "prompt": list(tokens), "stream": True, "cache_prompt": True}
        async with await self._post("/completion", body) as response:
            async for line in response.content:
                if line.startswith(b"data:"):
                    yield _chunk.decode(line[5:])
                elif line.startswith(b"error:"):
                    raise LlamaError(line[6:].decode(errors="replace").strip())

    async def aclose(self) -> None:
        """Close the connections and remove the socket."""
        if self._session is not None:
            await self._session.close()
        self.remove()

    def remove(self) -> None:
        """Remove the socket and its folder."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self._folder)

    async def _post(self, path: str, body: Mapping[str, Any]) -> aiohttp.ClientResponse:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(str(self._socket), limit=0, force_close=True),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        response = await self._session.post(f"http://llama{path}", json=body)
        if response.status != 200:
            async with response:
                raise LlamaError(await response.text())
        return response


def _set(parameters: Any, model: Path, socket: Path) -> None:
    # Half of the cores: threads that wait for one another spin, and with other work on the machine
    # two threads on two cores were measured to be 5 to 10 times slower than one.
    threads = max(1, min((os.cpu_count() or 1) // 2, MAX_THREADS))
    parameters.model.path = str(model)
    parameters.hostnames = [str(socket)]
    parameters.n_ctx = CONTEXT * PARALLEL
    parameters.n_parallel = PARALLEL
    parameters.n_batch = BATCH
    parameters.n_ubatch = BATCH
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.n_threads_http = 2 * PARALLEL + 2
    parameters.cache_ram_mib = CACHE
    parameters.warmup = False
    parameters.verbosity = -1
    parameters.ui = False


def _new_folder(parent: Path) -> Path:
    """A folder of this process's own; what processes left that were killed is removed."""
    for left in parent.glob(f"{PREFIX}*-*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdecimal() and not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)  # it may be another user's
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _short_folder() -> str:
    """A folder for temporary files whose path leaves room for a socket's (107 bytes)."""
    folder = tempfile.gettempdir()
    return folder if len(folder) < 70 else "/tmp"  # noqa: S108 (mkdtemp makes a folder of its own)
