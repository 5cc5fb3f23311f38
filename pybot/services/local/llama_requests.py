"""Requests to llama.cpp with TGI's meaning: stop sequences, limits, details, a queue.

Two things differ from TGI: the probability of the end token and of a prompt's tokens is
not known (null), and a character made of several tokens comes with the last one's ID.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager

import msgspec
from msgspec import Struct

from pybot.services.local.llama import CONTEXT, PARALLEL, Chunk, Llama, Piece, Probability
from pybot.services.local.tgi_types import (
    Details,
    GenerateRequest,
    InvalidRequest,
    PrefillToken,
    Settings,
    StreamDetails,
    StreamEvent,
    Token,
    checked,
)

END_TOKEN = "<|im_end|>"  # noqa: S105 (a token of the model's)
MAX_INPUT = CONTEXT - 1  # tokens
MAX_REQUESTS = 16  # at once, the waiting ones among them


class Overloaded(Exception):
    """Too many requests wait already."""


class Prepared(Struct, frozen=True):
    """A request that passed all checks; `limit` is the most tokens that it may generate."""

    request: GenerateRequest
    settings: Settings
    prompt: list[Piece]
    limit: int


class Result(Struct, frozen=True):
    """A whole answer."""

    text: str
    details: Details
    input_length: int


class LlamaRequests:
    """The queue before the model: two requests at a time, the others in order."""

    def __init__(self, llama: Llama, max_requests: int = MAX_REQUESTS) -> None:
        self._llama = llama
        self._slots = asyncio.Semaphore(PARALLEL)
        self._max_requests = max_requests
        self._count = 0
        self._end_token: int | None = None

    @asynccontextmanager
    async def prepared(self, request: GenerateRequest) -> AsyncGenerator[Prepared]:
        """A place in the queue for a checked request. Raises Overloaded and InvalidRequest."""
        if self._count >= self._max_requests:
            raise Overloaded
        self._count += 1
        try:
            yield await self._prepare(request)
        finally:
            self._count -= 1

    async def stream(self, prepared: Prepared) -> AsyncGenerator[StreamEvent]:
        """The events of an answer, once it is its turn; the last has `generated_text`."""
        async with self._slots:
            # More than `n_predict` is never asked for, so llama.cpp's own end is the latest.
            wanted = {
                **prepared.settings.sampling,
                "n_predict": prepared.limit,
                "n_probs": max(1, prepared.settings.top_n_tokens),
            }
            tokens = [piece.id for piece in prepared.prompt]
            progress = _Progress(prepared, await self._end_token_id())
            async with aclosing(self._llama.complete(tokens, wanted)) as chunks:
                async for chunk in chunks:
                    event = progress.event(chunk)
                    yield event
                    if event.generated_text is not None:
                        return

    async def whole(self, prepared: Prepared) -> Result:
        """A generation in one piece."""
        events = [event async for event in self.stream(prepared)]
        last = events[-1]
        end = last.details
        if last.generated_text is None or end is None:
            raise RuntimeError("llama.cpp ended a generation without saying so")
        asked = prepared.request.parameters
        tops = [event.top_tokens for event in events]
        details = Details(
            finish_reason=end.finish_reason,
            generated_tokens=end.generated_tokens,
            seed=end.seed,
            prefill=_prefill(prepared.prompt) if asked and asked.decoder_input_details else [],
            tokens=[event.token for event in events],
            top_tokens=[top or [] for top in tops] if any(tops) else msgspec.UNSET,
        )
        return Result(last.generated_text, details, len(prepared.prompt))

    async def _prepare(self, request: GenerateRequest) -> Prepared:
        settings = checked(request, MAX_INPUT)
        prompt = await self._llama.tokenize(request.inputs)
        if settings.truncate:
            prompt = prompt[-settings.truncate :]
        count = len(prompt)
        limit = settings.max_new_tokens or max(0, CONTEXT - count)
        if count + (settings.max_new_tokens or 0) > CONTEXT:
            raise InvalidRequest(
                f"`inputs` tokens + `max_new_tokens` must be <= {CONTEXT}. Given: {count} `inputs` "
                f"tokens and {limit} `max_new_tokens`"
            )
        if count > MAX_INPUT:
            raise InvalidRequest(f"`inputs` must have less than {MAX_INPUT} tokens. Given: {count}")
        return Prepared(request, settings, prompt, limit)

    async def _end_token_id(self) -> int:
        if self._end_token is None:
            self._end_token = (await self._llama.tokenize(END_TOKEN))[0].id
        return self._end_token


class _Progress:
    """A generation so far: llama.cpp's chunks become TGI's events."""

    def __init__(self, prepared: Prepared, end_token: int) -> None:
        self._prepared = prepared
        self._end_token = end_token
        self._text = ""
        self._index = 0

    def event(self, chunk: Chunk) -> StreamEvent:
        """The event of a chunk; the last one when the text or llama.cpp says so."""
        self._index += 1
        self._text += chunk.content
        reason = self._reason(chunk)
        token, top = self._token(chunk, is_end=reason == "eos_token")
        event = StreamEvent(index=self._index, token=token, top_tokens=top or msgspec.UNSET)
        if reason is None:
            return event
        settings, request = self._prepared.settings, self._prepared.request
        whole = bool(request.parameters and request.parameters.return_full_text)
        return msgspec.structs.replace(
            event,
            generated_text=request.inputs + self._text if whole else self._text,
            details=StreamDetails(
                finish_reason=reason,
                # The end token is one too, which llama.cpp does not count.
                generated_tokens=chunk.tokens_predicted + (reason == "eos_token"),
                seed=settings.seed if settings.sampled else None,
                input_length=len(self._prepared.prompt),
            ),
        )

    def _reason(self, chunk: Chunk) -> str | None:
        if chunk.stop:
            return "eos_token" if chunk.stop_type == "eos" else "length"
        for sequence in self._prepared.settings.stop:
            if sequence and sequence in self._text[-len(sequence) - len(chunk.content) + 1 :]:
                return "stop_sequence"
        return "length" if chunk.tokens_predicted >= self._prepared.limit else None

    def _token(self, chunk: Chunk, *, is_end: bool) -> tuple[Token, list[Token]]:
        if is_end:
            return Token(self._end_token, END_TOKEN, None, special=True), []
        if not chunk.completion_probabilities:  # the end came within a character
            return Token(self._end_token, chunk.content, None, special=False), []
        likely = chunk.completion_probabilities[-1]
        token = Token(likely.id, chunk.content, likely.logprob, special=False)
        wanted = self._prepared.settings.top_n_tokens
        return token, [_as_token(each) for each in likely.top_logprobs[:wanted]]


def _as_token(likely: Probability) -> Token:
    return Token(likely.id, likely.token, likely.logprob, special=likely.token == END_TOKEN)


def _prefill(prompt: Sequence[Piece]) -> list[PrefillToken]:
    return [
        PrefillToken(
            each.id,
            each.piece
            if isinstance(each.piece, str)
            else bytes(each.piece).decode(errors="replace"),
        )
        for each in prompt
    ]
