"""Servers with OpenAI's `/v1/chat/completions`: vLLM, SGLang, llama.cpp, Ollama, TGI.

Stop sequences are not sent: these servers leave the sequence out of the text and say "stop" both
for it and for a model that has ended by itself, so that a closed block of code could not be told
from an open one (vLLM's `stop_reason` and `include_stop_str_in_output` are its own, and refused by
others). The text is watched here instead, and the connection closed at the sequence, which ends the
generation at all of them. The price: what a server would have counted of such a turn is estimated.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import Literal

import aiohttp
import msgspec

from pybot.config import LlmSettings
from pybot.services.llm import chat_refusals, chat_wire, continuing
from pybot.services.llm.base import Delta, Finished, Generation, ModelError, ModelInfo, Turn
from pybot.services.llm.chat_wire import DONE, Choice, Chunk, Model, Usage
from pybot.services.llm.connection import (
    Connection,
    StreamReader,
    ended_early,
    garbage,
    interrupted,
)
from pybot.services.llm.continuing import Messages
from pybot.services.llm.ending import Ending
from pybot.services.records import RunErrorCode, TokenUsage

CHARACTERS_A_TOKEN = 4.0  # a guess, until a service has counted a prompt
END_PATIENCE = 2  # seconds for the usage to follow the end
# Ends that are none: vLLM's and SGLang's for what they gave up, OpenAI's for what it withheld.
_BROKEN = {
    "abort": "the model's service gave it up",
    "error": "the model's service failed",
    "content_filter": "the model's service withheld the rest",
}
log = logging.getLogger(__name__)


class ChatCompletionsModel:
    """A model behind an OpenAI-compatible server. See `base.ChatModel`."""

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        # People write the address with and without the path that all of them share.
        url = settings.url.rstrip("/").removesuffix("/v1")
        self._connection = Connection(settings, url, chat_refusals.of_status)
        self._served: Model | None = None
        self._goes_on = True  # until it refused to
        self._characters_a_token = CHARACTERS_A_TOKEN

    @property
    def name(self) -> str:
        """The name of the model, as configured."""
        return self._settings.model

    async def generate(self, generation: Generation) -> AsyncGenerator[Delta | Finished]:
        """Stream an answer; closing the generator closes the connection, which ends it there."""
        answer = _Answer(Ending(generation.stop, self._settings.eos_token))
        async with await self._post(generation) as response:
            with self._connection.reader(response) as reader:
                while lines := await _read(reader, answer):
                    for data in lines:
                        for delta in answer.take(data):
                            yield delta
                        if answer.is_over:
                            yield self._finished(generation.turns, answer)
                            return
        if answer.reason is None:
            raise ended_early()
        yield self._finished(generation.turns, answer)

    async def info(self) -> ModelInfo:
        """What `/v1/models` says; the context window of the settings goes first."""
        window = self._settings.context_window
        try:
            models = chat_wire.models.decode(await self._connection.get("/v1/models"))
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
            log.info(
                "no information from the model's service: %s", str(error) or type(error).__name__
            )
            return ModelInfo(self.name, window, available=False)
        self._served = models.served(self.name)
        if window is None and self._served is not None:
            window = self._served.window
        return ModelInfo(self.name, window, available=models.serves(self.name))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.aclose()

    async def _post(self, generation: Generation) -> aiohttp.ClientResponse:
        """Send the request; once more in plainer words where the server cannot go on as told."""
        messages = await self._messages(generation.turns)
        try:
            return await self._send(generation, messages)
        except ModelError as error:
            if not (messages.is_open and _is_refused(error)):
                raise
            log.info("the model's service does not continue a message: %s", error.message)
        self._goes_on = False
        return await self._send(generation, await self._messages(generation.turns))

    async def _messages(self, turns: Sequence[Turn]) -> Messages:
        if continuing.is_open(turns) and self._served is None:
            await self.info()
        owner = self._served.owned_by if self._served and self._goes_on else None
        return continuing.messages(turns, owner, self._settings.eos_token)

    async def _send(self, generation: Generation, messages: Messages) -> aiohttp.ClientResponse:
        temperature = generation.temperature
        if temperature is None:
            temperature = self._settings.temperature
        body = chat_wire.body(
            self.name, messages.turns, generation.max_tokens, temperature, messages.fields
        )
        return await self._connection.post("/v1/chat/completions", body)

    def _finished(self, turns: Sequence[Turn], answer: "_Answer") -> Finished:
        """The end of a generation, with what is known of its tokens."""
        characters = sum(len(turn.text) for turn in turns)
        told = answer.usage or Usage()
        if told.prompt_tokens:
            self._characters_a_token = max(1.0, characters / told.prompt_tokens)
        usage = TokenUsage(
            prompt_tokens=told.prompt_tokens or round(characters / self._characters_a_token),
            completion_tokens=told.completion_tokens or answer.pieces,
        )
        return Finished(answer.reason or "stop", usage)


class _Answer:
    """An answer as its events come."""

    def __init__(self, ending: Ending) -> None:
        self._ending = ending
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
        self.is_over = self._ending.reached or (self.reason is not None and self.usage is not None)
        return deltas

    def _choice(self, choice: Choice) -> list[Delta]:
        deltas: list[Delta] = []
        thought = choice.delta.thought if choice.delta else ""
        content = (choice.delta.content if choice.delta else None) or ""
        self.pieces += bool(thought or content)
        if thought:
            deltas.append(Delta(thought, reasoning=True))
        if text := self._ending.feed(content):
            deltas.append(Delta(text))
        if self._ending.reached:
            self.reason = "stop"
        elif choice.finish_reason:
            self.reason = _reason(choice.finish_reason)
            if rest := self._ending.rest():
                deltas.append(Delta(rest))
        return deltas


async def _read(reader: StreamReader, answer: _Answer) -> list[bytes]:
    """The next events; after the answer's end only as long as the usage may take."""
    if answer.reason is None:
        return await reader.read()
    try:
        async with asyncio.timeout(END_PATIENCE):
            return await reader.read()
    except (TimeoutError, ModelError) as error:
        log.info("no usage after the end of an answer: %r", error)
        return []


def _is_refused(error: ModelError) -> bool:
    """Whether the request itself was refused, and not for its length."""
    return error.code is RunErrorCode.MODEL_INTERRUPTED and not error.retryable


def _decoded(data: bytes) -> Chunk:
    try:
        chunk = chat_wire.chunk.decode(data)
    except msgspec.MsgspecError as error:
        log.warning("the model's service sent what is no event: %r", data[:200])
        raise garbage() from error
    if bytes(chunk.error) not in (b"", b"null") or chunk.object == "error":
        raise chat_refusals.of_event(data)
    return chunk


def _reason(word: str) -> Literal["stop", "length"]:
    """A server's word for the end in one of the two; the ends that are none are raised."""
    if word in _BROKEN:
        raise interrupted(f"The answer broke off: {_BROKEN[word]}.")
    return "length" if word == "length" else "stop"
