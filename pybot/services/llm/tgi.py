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
from pybot.services.llm import chatml, errors, tgi_errors
from pybot.services.llm.base import Delta, ModelInfo, ModelRequest, ResponseEnd
from pybot.services.llm.model_http import ModelHttp
from pybot.services.llm.stop_detector import StopDetector
from pybot.services.records import TokenUsage

CHARACTERS_A_TOKEN = 4  # a guess, for a prompt whose tokens the service did not count
logger = logging.getLogger(__name__)


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
        self._http = ModelHttp(settings, settings.url.rstrip("/"), tgi_errors.of_status)

    @property
    def name(self) -> str:
        """The name of the model, as configured."""
        return self._settings.model

    async def generate(self, request: ModelRequest) -> AsyncGenerator[Delta | ResponseEnd]:
        """Stream an answer; closing the generator closes the connection, which ends it at TGI."""
        asked = self._request(request)
        body = asked.model_dump_json(exclude_none=True)
        detector = StopDetector(request.stop, self._settings.eos_token)
        tokens = 0
        async with await self._http.post("/generate_stream", body) as response:
            with self._http.reader(response) as reader:
                while lines := await reader.read():
                    for event in map(_decoded, lines):
                        if event.token is not None:
                            tokens += 1
                            text = "" if event.token.special else detector.feed(event.token.text)
                            if text:
                                yield Delta(text)
                        if event.generated_text is not None or detector.reached:
                            if rest := detector.rest():
                                yield Delta(rest)
                            yield _end(asked, event.details, tokens, cut=detector.reached)
                            return
        raise errors.ended_early()

    async def info(self) -> ModelInfo:
        """What `/info` says; the context window of the settings goes first."""
        window = self._settings.context_window
        try:
            said = _info.decode(await self._http.get("/info"))
        except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
            logger.info(
                "no information from the model's service: %s", str(error) or type(error).__name__
            )
            return ModelInfo(self.name, window, available=False)
        total = said.max_total_tokens or said.max_input_tokens or said.max_input_length
        return ModelInfo(self.name, window or total, available=True)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def _request(self, request: ModelRequest) -> Request:
        """The request in TGI's own types."""
        eos_token = self._settings.eos_token
        temperature = request.temperature
        if temperature is None:
            temperature = self._settings.temperature
        parameters = Parameters(
            details=True,
            max_new_tokens=request.max_tokens,
            stop=_stop_sequences(request.stop, eos_token),
            # TGI refuses a temperature of 0 and decodes greedily without one.
            do_sample=bool(temperature),
            temperature=temperature or None,
        )
        prompt = chatml.prompt(request.turns, eos_token)
        return Request(inputs=prompt, parameters=parameters, stream=True)


def _stop_sequences(stop: Sequence[str], eos_token: str) -> list[str]:
    return [*stop, eos_token] if eos_token else list(stop)


def _decoded(data: bytes) -> Event:
    try:
        event = _event.decode(data)
    except msgspec.MsgspecError as error:
        logger.warning("the model's service sent an event that cannot be read: %r", data[:200])
        raise errors.unreadable() from error
    if event.error is not None:
        raise tgi_errors.of_type(event.error_type, event.error)
    return event


def _end(asked: Request, details: Details | None, tokens: int, *, cut: bool) -> ResponseEnd:
    """The end of the response; tokens that TGI did not count are estimated."""
    reason: Literal["stop", "length"] = "stop"
    if not cut and details is not None and details.finish_reason == "length":
        reason = "length"
    prompt_tokens = details.input_length if details else None
    if prompt_tokens is None:
        prompt_tokens = len(asked.inputs) // CHARACTERS_A_TOKEN
    completion_tokens = details.generated_tokens if details else tokens
    return ResponseEnd(
        reason, TokenUsage(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens)
    )
