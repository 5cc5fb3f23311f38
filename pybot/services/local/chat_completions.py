"""TGI's Messages API: `/v1/chat/completions` in OpenAI's shapes, streamed and not."""

import time
from collections.abc import Sequence
from contextlib import aclosing
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from pybot.services.llm import chatml
from pybot.services.llm.base import Turn
from pybot.services.llm.smollm2 import DEMO_MODEL
from pybot.services.local.llama import LlamaError
from pybot.services.local.llama_requests import END_TOKEN, LlamaRequests, Prepared
from pybot.services.local.tgi_http import event, failure, json_response, stream_response
from pybot.services.local.tgi_types import (
    U32,
    U64,
    GenerateRequest,
    InvalidRequest,
    Parameters,
    StreamDetails,
    StreamEvent,
    Token,
)

FINGERPRINT = "3.3.6-pybot"
# What the model's own chat template puts before a conversation without a system message.
DEFAULT_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


class ContentPart(Struct, frozen=True):
    """A part of a message; this model reads text only."""

    type: str
    text: str = ""


class Message(Struct, frozen=True):
    """A message of the conversation."""

    role: Literal["system", "user", "assistant"]
    content: str | list[ContentPart]


class StreamOptions(Struct, frozen=True):
    """Whether a last chunk tells the tokens."""

    include_usage: bool | None = False


class ChatRequest(Struct, frozen=True):
    """What of OpenAI's request TGI takes."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    model: str | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: U32 | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: U64 | None = None
    stop: list[str] | str | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    logprobs: bool | None = False
    tools: list[Any] | None = None
    response_format: Any = None


_request = msgspec.json.Decoder(ChatRequest)


class ChatCompletions:
    """The handler of `POST /v1/chat/completions`."""

    def __init__(self, requests: LlamaRequests) -> None:
        self._requests = requests

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        chat = _request.decode(await request.read())
        async with self._requests.prepared(_generate_request(chat)) as prepared:
            if chat.stream:
                return await self._stream(request, chat, prepared)
            result = await self._requests.whole(prepared)
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": result.text},
            "logprobs": _logprobs(result.details.tokens) if chat.logprobs else None,
            "finish_reason": _finish_reason(result.details.finish_reason),
        }
        usage = _usage(result.input_length, result.details.generated_tokens)
        return json_response(_body("chat.completion", [choice], usage))

    async def _stream(
        self, request: web.Request, chat: ChatRequest, prepared: Prepared
    ) -> web.StreamResponse:
        response = stream_response()
        await response.prepare(request)
        try:
            async with aclosing(self._requests.stream(prepared)) as events:
                async for each in events:
                    await response.write(event(_chunk(each, logprobs=bool(chat.logprobs))))
                    if each.details is not None and _wants_usage(chat):
                        usage = _total(each.details)
                        await response.write(event(_body("chat.completion.chunk", [], usage)))
        except LlamaError as error:
            await response.write(event(failure(error)))
        await response.write(b"data: [DONE]\n\n")
        return response


def _generate_request(chat: ChatRequest) -> GenerateRequest:
    if chat.tools:
        raise InvalidRequest("tools are not supported")
    if chat.response_format is not None:
        raise InvalidRequest("grammar is not supported")
    turns = [Turn(message.role, _text(message)) for message in chat.messages]
    if turns[0].role != "system":
        turns.insert(0, Turn("system", DEFAULT_SYSTEM))
    stop = [chat.stop] if isinstance(chat.stop, str) else chat.stop or []
    parameters = Parameters(
        max_new_tokens=chat.max_tokens,
        # Greedy only at temperature 0, as TGI has it here.
        do_sample=chat.temperature != 0,
        temperature=chat.temperature or None,
        top_p=chat.top_p if chat.top_p != 1 else None,
        seed=chat.seed,
        stop=tuple(stop),
        frequency_penalty=chat.frequency_penalty,
        repetition_penalty=chat.repetition_penalty,
        details=True,
    )
    return GenerateRequest(chatml.prompt(turns, END_TOKEN), parameters)


def _text(message: Message) -> str:
    if isinstance(message.content, str):
        return message.content
    if any(part.type != "text" for part in message.content):
        raise InvalidRequest("image modality is not supported")
    return "".join(part.text for part in message.content)


def _chunk(each: StreamEvent, *, logprobs: bool) -> dict[str, Any]:
    content = "" if each.token.special else each.token.text
    choice = {
        "index": 0,
        "delta": {"role": "assistant", "content": content},
        "logprobs": _logprobs([each.token]) if logprobs else None,
        "finish_reason": _finish_reason(each.details.finish_reason) if each.details else None,
    }
    return _body("chat.completion.chunk", [choice], None)


def _body(kind: str, choices: Sequence[Any], usage: dict[str, int] | None) -> dict[str, Any]:
    return {
        "object": kind,
        "id": "",
        "created": int(time.time()),
        "model": DEMO_MODEL,
        "system_fingerprint": FINGERPRINT,
        "choices": choices,
        "usage": usage,
    }


def _finish_reason(reason: str) -> str:
    """TGI's reason in OpenAI's word for the natural end; the others stay what they are."""
    return "stop" if reason == "eos_token" else reason


def _wants_usage(chat: ChatRequest) -> bool:
    return bool(chat.stream_options and chat.stream_options.include_usage)


def _total(details: StreamDetails) -> dict[str, int]:
    return _usage(details.input_length, details.generated_tokens)


def _usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def _logprobs(tokens: Sequence[Token]) -> dict[str, Any]:
    return {
        "content": [
            {"token": token.text, "logprob": token.logprob, "top_logprobs": []} for token in tokens
        ]
    }
