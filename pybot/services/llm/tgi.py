"""Text Generation Inference, by its native `/generate_stream`.

Requests are `text_generation`'s own types. The stream is read here: that client's `timeout` is
the total time, it opens a session a request, and a stream that ends too early raises nothing.
Refusals come in two ways that are treated alike: as an HTTP status, and (what TGI 3 does with
overload and validation in streams) as an event in a stream of status 200.
"""

import logging
from collections.abc import AsyncGenerator, Sequence
from typing import Literal

import aiohttp
import msgspec
from msgspec import Struct
from text_generation.types import (  # type: ignore[import-untyped]  # it ships no py.typed
    Parameters,
    Request,
)

from pybot.config import LlmSettings
from pybot.services.llm import chatml, refusals
from pybot.services.llm.base import Delta, Finished, Generation, ModelInfo
from pybot.services.llm.connection import Connection, ended_early, garbage
from pybot.services.llm.ending import Ending
from pybot.services.records import TokenUsage

CHARACTERS_A_TOKEN = 4  # a guess, for a prompt whose tokens the service did not count
log = logging.getLogger(__name__)


class Token(Struct, frozen=True):
    """A token as it comes; special ones are not text."""

    text: str
    special: bool = False


class Details(Struct, frozen=True):
    """What the last event says of the whole."""

    finish_reason: str = "eos_token"
    generated_tokens: int = 0
    input_length: int | None = None


class Event(Struct, frozen=True):
    """An event of the stream: a token, the last one with `generated_text`, or an error."""

    token: Token | None = None
    generated_text: str | None = None
    details: Details | None = None
    error: str | None = None
    error_type: str = ""


class Info(Struct, frozen=True):
    """What of `/info` is of use."""

    model_id: str = ""
    max_total_tokens: int | None = None
    max_input_tokens: int | None = None
    max_input_length: int | None = None  # its name before TGI 2


_event = msgspec.json.Decoder(Event)
_info = msgspec.json.Decoder(Info)


class TgiModel:
    """A model behind Text Generation Inference. See `base.ChatModel`."""

    def __init__(self, settings: LlmSettings) -> None:
        self._settings = settings
        self._connection = Connection(settings, settings.url.rstrip("/"), refusals.of_status)

    @property
    def name(self) -> str:
        """The name of the model, as configured."""
        return self._settings.model

    async def generate(self, generation: Generation) -> AsyncGenerator[Delta | Finished]:
        """Stream an answer; closing the generator closes the connection, which ends it at TGI."""
        request = self._request(generation)
        body = request.model_dump_json(exclude_none=True)
        ending = Ending(generation.stop, self._settings.eos_token)
        tokens = 0
        async with await self._connection.post("/generate_stream", body) as response:
            with self._connection.reader(response) as reader:
                while lines := await reader.read():
                    for event in map(_decoded, lines):
                        if event.token is not None:
                            tokens += 1
                            text = "" if event.token.special else ending.feed(event.token.text)
                            if text:
                                yield Delta(text)
                        if event.generated_text is not None or ending.reached:
                            if rest := ending.rest():
                                yield Delta(rest)
                            yield _finished(request, event.details, tokens, cut=ending.reached)
                            return
        raise ended_early()

    async def info(self) -> ModelInfo:
        """What `/info` says; the context window of the settings goes first."""
        window = self._settings.context_window
        try:
            said = _info.decode(await self._connection.get("/info"))
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
            log.info(
                "no information from the model's service: %s", str(error) or type(error).__name__
            )
            return ModelInfo(self.name, window, available=False)
        total = said.max_total_tokens or said.max_input_tokens or said.max_input_length
        return ModelInfo(self.name, window or total, available=True)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.aclose()

    def _request(self, generation: Generation) -> Request:
        eos_token = self._settings.eos_token
        temperature = generation.temperature
        if temperature is None:
            temperature = self._settings.temperature
        parameters = Parameters(
            details=True,
            max_new_tokens=generation.max_tokens,
            stop=_stop_sequences(generation.stop, eos_token),
            # TGI refuses a temperature of 0 and decodes greedily without one.
            do_sample=bool(temperature),
            temperature=temperature or None,
        )
        prompt = chatml.prompt(generation.turns, eos_token)
        return Request(inputs=prompt, parameters=parameters, stream=True)


def _stop_sequences(stop: Sequence[str], eos_token: str) -> list[str]:
    return [*stop, eos_token] if eos_token else list(stop)


def _decoded(data: bytes) -> Event:
    try:
        event = _event.decode(data)
    except msgspec.MsgspecError as error:
        log.warning("the model's service sent what is no event: %r", data[:200])
        raise garbage() from error
    if event.error is not None:
        raise refusals.of_type(event.error_type, event.error)
    return event


def _finished(request: Request, details: Details | None, tokens: int, *, cut: bool) -> Finished:
    """The end of a generation, with what is known of its tokens."""
    reason: Literal["stop", "length"] = "stop"
    if not cut and details is not None and details.finish_reason == "length":
        reason = "length"
    prompt_tokens = details.input_length if details else None
    if prompt_tokens is None:
        prompt_tokens = len(request.inputs) // CHARACTERS_A_TOKEN
    completion_tokens = details.generated_tokens if details else tokens
    return Finished(
        reason, TokenUsage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
    )
