"""Requests of TGI's native interface, checked as TGI checks them, and what it answers."""

import random
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

MAX_CONTEXT = 4096  # tokens, the generated ones among them
MAX_STOP_SEQUENCES = 4  # TGI's default
MAX_TOP_TOKENS = 5  # TGI's default

U32 = Annotated[int, Meta(ge=0, lt=2**32)]
U64 = Annotated[int, Meta(ge=0)]


class InvalidRequest(Exception):
    """A request that TGI answers with 422; the message is the one that it gives."""


class Parameters(Struct, frozen=True):
    """How to generate; None is TGI's default."""

    best_of: U32 | None = None
    temperature: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    typical_p: float | None = None
    do_sample: bool | None = False
    max_new_tokens: U32 | None = None
    return_full_text: bool | None = None
    stop: tuple[str, ...] | None = ()
    truncate: U32 | None = None
    watermark: bool | None = False
    details: bool | None = False
    decoder_input_details: bool | None = False
    seed: U64 | None = None
    top_n_tokens: U32 | None = None
    grammar: Any = None
    adapter_id: str | None = None


class GenerateRequest(Struct, frozen=True):
    """`inputs` is the whole prompt."""

    inputs: str
    parameters: Parameters | None = None
    stream: bool | None = False


class Token(Struct, frozen=True):
    """A token that was generated."""

    id: int
    text: str
    logprob: float | None
    special: bool


class PrefillToken(Struct, frozen=True):
    """A token of the prompt; llama.cpp does not give its probability."""

    id: int
    text: str
    logprob: float | None = None


class Details(Struct, frozen=True, kw_only=True):
    """All about a whole generation."""

    finish_reason: str
    generated_tokens: int
    seed: int | None
    prefill: list[PrefillToken]
    tokens: list[Token]
    top_tokens: list[list[Token]] | msgspec.UnsetType = msgspec.UNSET


class StreamDetails(Struct, frozen=True, kw_only=True):
    """All about a generation that was streamed."""

    finish_reason: str
    generated_tokens: int
    seed: int | None
    input_length: int


class StreamEvent(Struct, frozen=True, kw_only=True):
    """An event of a stream; the last has `generated_text`."""

    index: int
    token: Token
    top_tokens: list[Token] | msgspec.UnsetType = msgspec.UNSET
    generated_text: str | None = None
    details: StreamDetails | None = None


class Settings(Struct, frozen=True, kw_only=True):
    """Parameters that passed, with every default filled in."""

    stop: tuple[str, ...]
    max_new_tokens: int | None
    truncate: int | None
    top_n_tokens: int
    seed: int
    sampled: bool
    sampling: dict[str, Any] = field(default_factory=dict[str, Any])


def checked(request: GenerateRequest, max_input_tokens: int) -> Settings:
    """The request's settings; InvalidRequest with TGI's words for what it does not allow."""
    if not request.inputs:
        raise InvalidRequest("`inputs` cannot be empty")
    asked = request.parameters or Parameters()
    _check_kind(asked)
    _check_ranges(asked, max_input_tokens)
    sampled = bool(asked.do_sample) or any(
        each is not None for each in (asked.temperature, asked.top_k, asked.top_p, asked.typical_p)
    )
    seed = random.getrandbits(32) if asked.seed is None else asked.seed
    return Settings(
        stop=asked.stop or (),
        max_new_tokens=asked.max_new_tokens,
        truncate=asked.truncate,
        top_n_tokens=asked.top_n_tokens or 0,
        seed=seed,
        sampled=sampled,
        sampling=_sampling(asked, sampled=sampled, seed=seed),
    )


def _check_kind(asked: Parameters) -> None:
    """What this server does not do at all."""
    if asked.best_of not in (None, 1):
        raise InvalidRequest("`best_of` != 1 is not allowed for this endpoint")
    if asked.grammar is not None:
        raise InvalidRequest("grammar is not supported")
    if asked.watermark:
        raise InvalidRequest("watermark is not supported")
    if asked.adapter_id is not None:
        raise InvalidRequest("adapters are not supported")


def _check_ranges(asked: Parameters, max_input_tokens: int) -> None:
    stop, truncate, top = asked.stop or (), asked.truncate, asked.top_n_tokens or 0
    _require(_is_positive(asked.temperature), "`temperature` must be strictly positive")
    _require(
        _is_positive(asked.repetition_penalty), "`repetition_penalty` must be strictly positive"
    )
    _require(
        -2 <= (asked.frequency_penalty or 0) <= 2, "`frequency_penalty` must be >= -2.0 and <= 2.0"
    )
    _require(_is_share(asked.top_p), "`top_p` must be > 0.0 and < 1.0")
    _require(_is_share(asked.typical_p), "`typical_p` must be > 0.0 and < 1.0")
    _require(_is_positive(asked.top_k), "`top_k` must be strictly positive")
    _require(_is_positive(asked.max_new_tokens), "`max_new_tokens` must be strictly positive")
    _require(
        len(stop) <= MAX_STOP_SEQUENCES,
        f"`stop` supports up to {MAX_STOP_SEQUENCES} stop sequences. Given: {len(stop)}",
    )
    _require(
        top <= MAX_TOP_TOKENS,
        f"`top_n_tokens` must be >= 0 and <= {MAX_TOP_TOKENS}. Given: {top}",
    )
    _require(
        truncate is None or 0 < truncate <= max_input_tokens,
        f"`truncate` must be strictly positive and less than {max_input_tokens}. Given: {truncate}",
    )


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InvalidRequest(message)


def _is_positive(value: float | None) -> bool:
    return value is None or value > 0


def _is_share(value: float | None) -> bool:
    return value is None or 0 < value < 1


def _sampling(asked: Parameters, *, sampled: bool, seed: int) -> dict[str, Any]:
    """The parameters in llama.cpp's words; its own defaults (top_k, min_p) are switched off."""
    penalty = asked.repetition_penalty
    return {
        "temperature": (asked.temperature or 1.0) if sampled else 0.0,
        "top_k": asked.top_k or 0,
        "top_p": 1.0 if asked.top_p is None else asked.top_p,
        "typical_p": 1.0 if asked.typical_p is None else asked.typical_p,
        "min_p": 0.0,
        "repeat_penalty": 1.0 if penalty is None else penalty,
        "repeat_last_n": MAX_CONTEXT,
        "frequency_penalty": asked.frequency_penalty or 0.0,
        "seed": seed % 2**32,
    }
