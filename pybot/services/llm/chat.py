"""Servers with OpenAI's `/v1/chat/completions`: vLLM, SGLang, llama.cpp, Ollama, TGI.

Stop sequences are not sent: these servers leave the sequence out of the text and say "stop" both
for it and for a model that has ended by itself, so that a closed block of code could not be told
from an open one (vLLM's `stop_reason` and `include_stop_str_in_output` are its own, and refused by
others). The text is watched here instead, and the connection closed at the sequence, which makes
all of them stop generating. The price: the tokens of such a turn are estimated, not counted.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import Literal

import aiohttp
import msgspec

from pybot.config import LlmSettings
from pybot.services.llm import chat_errors, chat_wire, continuing, errors
from pybot.services.llm.base import Delta, ModelError, ModelInfo, ModelRequest, ResponseEnd, Turn
from pybot.services.llm.chat_wire import DONE, Choice, Chunk, Model, Usage
from pybot.services.llm.continuing import Messages
from pybot.services.llm.model_http import ModelHttp, ModelStream
from pybot.services.llm.stop_detector import StopDetector
from pybot.services.records import RunErrorCode, TokenUsage

CHARACTERS_A_TOKEN = 4.0  # a guess, until a service has counted a prompt
USAGE_TIMEOUT = 2  # seconds for the usage to follow the end
# Ends that are none: vLLM's and SGLang's for what they gave up, OpenAI's for what it withheld.
_BROKEN = {
    "abort": "the model's service gave it up",
    "error": "the model's service failed",
    "content_filter": "the model's service withheld the rest",
}
logger = logging.getLogger(__name__)


class ChatCompletionsModel:
    """A model behind an OpenAI-compatible server. See `base.ChatModel`."""

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        # People write the address with and without the path that all of them share.
        url = settings.url.rstrip("/").removesuffix("/v1")
        self._http = ModelHttp(settings, url, chat_errors.of_status)
        self._served: Model | None = None
        self._continues = True  # until it refused to
        self._characters_a_token = CHARACTERS_A_TOKEN

    @property
    def name(self) -> str:
        """The name of the model, as configured."""
        return self._settings.model

    async def generate(self, request: ModelRequest) -> AsyncGenerator[Delta | ResponseEnd]:
        """Stream an answer; closing the generator closes the connection, which ends it there."""
        answer = _Answer(StopDetector(request.stop, self._settings.eos_token))
        async with await self._post(request) as response:
            with self._http.reader(response) as reader:
                while lines := await _read(reader, answer):
                    for data in lines:
                        for delta in answer.take(data):
                            yield delta
                        if answer.is_over:
                            yield self._end(request.turns, answer)
                            return
        if answer.reason is None:
            raise errors.ended_early()
        yield self._end(request.turns, answer)

    async def info(self) -> ModelInfo:
        """What `/v1/models` says; the context window of the settings goes first."""
        window = self._settings.context_window
        try:
            models = chat_wire.models.decode(await self._http.get("/v1/models"))
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
            logger.info(
                "no information from the model's service: %s", str(error) or type(error).__name__
            )
            return ModelInfo(self.name, window, available=False)
        self._served = models.served(self.name)
        if window is None and self._served is not None:
            window = self._served.window
        return ModelInfo(self.name, window, available=models.serves(self.name))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _post(self, request: ModelRequest) -> aiohttp.ClientResponse:
        """Send the request; once more in plainer words where the server cannot go on as counted."""
        messages = await self._messages(request.turns)
        try:
            return await self._send(request, messages)
        except ModelError as error:
            if not (messages.is_open and _is_refused(error)):
                raise
            logger.info("the model's service does not continue a message: %s", error.message)
        self._continues = False
        return await self._send(request, await self._messages(request.turns))

    async def _messages(self, turns: Sequence[Turn]) -> Messages:
        if continuing.is_open(turns) and self._served is None:
            await self.info()
        owner = self._served.owned_by if self._served and self._continues else None
        return continuing.messages(turns, owner, self._settings.eos_token)

    async def _send(self, request: ModelRequest, messages: Messages) -> aiohttp.ClientResponse:
        temperature = request.temperature
        if temperature is None:
            temperature = self._settings.temperature
        body = chat_wire.body(
            self.name, messages.turns, request.max_tokens, temperature, messages.fields
        )
        return await self._http.post("/v1/chat/completions", body)

    def _end(self, turns: Sequence[Turn], answer: "_Answer") -> ResponseEnd:
        """The end of the response; tokens that the server did not count are estimated."""
        characters = sum(len(turn.text) for turn in turns)
        counted = answer.usage or Usage()
        if counted.prompt_tokens:
            self._characters_a_token = max(1.0, characters / counted.prompt_tokens)
        prompt, completion = counted.prompt_tokens_details, counted.completion_tokens_details
        usage = TokenUsage(
            prompt_tokens=counted.prompt_tokens or round(characters / self._characters_a_token),
            completion_tokens=counted.completion_tokens or answer.pieces,
            cached_tokens=prompt.cached_tokens if prompt else None,
            reasoning_tokens=completion.reasoning_tokens if completion else None,
        )
        return ResponseEnd(answer.reason or "stop", usage)


class _Answer:
    """An answer as its events come."""

    def __init__(self, detector: StopDetector) -> None:
        self._detector = detector
        self.pieces = 0  # about as many as tokens
        self.reason: Literal["stop", "length"] | None = None
        self.usage: Usage | None = None
        self.is_over = False

    def take(self, data: bytes) -> list[Delta]:
        """What an event adds. Raises ModelError for an error."""
        if data.strip() == DONE:
            self.is_over = self.reason is not None
            return []
        chunk = _decoded(data)
        # Only the last count is of the whole; some servers count in every chunk.
        self.usage = chunk.usage or self.usage
        deltas = [delta for choice in chunk.choices or () for delta in self._choice(choice)]
        self.is_over = self._detector.reached or (
            self.reason is not None and self.usage is not None
        )
        return deltas

    def _choice(self, choice: Choice) -> list[Delta]:
        deltas: list[Delta] = []
        thought = choice.delta.thought if choice.delta else ""
        content = (choice.delta.content if choice.delta else None) or ""
        self.pieces += bool(thought or content)
        if thought:
            deltas.append(Delta(thought, reasoning=True))
        if text := self._detector.feed(content):
            deltas.append(Delta(text))
        if self._detector.reached:
            self.reason = "stop"
        elif choice.finish_reason:
            self.reason = _reason(choice.finish_reason)
            if rest := self._detector.rest():
                deltas.append(Delta(rest))
        return deltas


async def _read(reader: ModelStream, answer: _Answer) -> list[bytes]:
    """The next events; after the answer's end only as long as the usage may take."""
    if answer.reason is None:
        return await reader.read()
    try:
        async with asyncio.timeout(USAGE_TIMEOUT):
            return await reader.read()
    except (TimeoutError, ModelError) as error:
        logger.info("no usage after the end of an answer: %r", error)
        return []


def _is_refused(error: ModelError) -> bool:
    """Whether the request itself was refused, and not for its length."""
    return error.code is RunErrorCode.MODEL_INTERRUPTED and not error.retryable


def _decoded(data: bytes) -> Chunk:
    try:
        chunk = chat_wire.chunk.decode(data)
    except msgspec.MsgspecError as error:
        logger.warning("the model's service sent an event that cannot be read: %r", data[:200])
        raise errors.unreadable() from error
    if bytes(chunk.error) not in (b"", b"null") or chunk.object == "error":
        raise chat_errors.of_event(data)
    return chunk


def _reason(word: str) -> Literal["stop", "length"]:
    """A server's word for the end in one of the two; the ends that are none are raised."""
    if word in _BROKEN:
        raise errors.interrupted(f"The answer broke off: {_BROKEN[word]}.")
    return "length" if word == "length" else "stop"
