"""Chat completions on the wire, as far as they are alike everywhere: no I/O.

Servers differ in what they leave out: a delta without a role, `content` null, `choices` empty or
missing in a chunk of usage or of a proxy's own, `[DONE]` or none. What is not used is not read.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from pybot.services.llm.base import Turn

DONE = b"[DONE]"


class ChunkDelta(Struct, frozen=True):
    """What is new; thoughts are `reasoning_content` (vLLM, SGLang, llama.cpp) or `reasoning`."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None

    @property
    def thought(self) -> str:
        """The thoughts, under either name: servers that write both write the same in both."""
        return self.reasoning_content or self.reasoning or ""


class Choice(Struct, frozen=True):
    """The one answer that is asked for."""

    delta: ChunkDelta | None = None
    finish_reason: str | None = None


class Usage(Struct, frozen=True):
    """Tokens of the prompt and of the answer."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Chunk(Struct, frozen=True):
    """An event of the stream. An error is an object, or a text; old vLLM's is the event itself."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Raw = Raw()
    object: str | None = None


class Meta(Struct, frozen=True):
    """What llama.cpp says of its model; `n_ctx` is what one request gets of the context."""

    n_ctx: int | None = None


class Model(Struct, frozen=True):
    """A model that a server offers; what is beside the ID differs."""

    id: str = ""
    owned_by: str | None = None
    max_model_len: int | None = None  # vLLM and SGLang
    meta: Meta | None = None  # llama.cpp

    @property
    def window(self) -> int | None:
        """The context in tokens, of one request."""
        return self.max_model_len or (self.meta.n_ctx if self.meta else None)


class Models(Struct, frozen=True):
    """What `/v1/models` says; Ollama says null when it has none."""

    data: list[Model] | None = None

    def serves(self, name: str) -> bool:
        """Whether requests for a model of that name are answered.

        llama.cpp, SGLang and TGI (whose models own themselves) have one model, and take any name.
        """
        return any(
            model.id in (name, f"{name}:latest")  # Ollama's names have a tag
            or model.owned_by in ("llamacpp", "sglang", model.id)
            for model in self.data or ()
        )

    def served(self, name: str) -> Model | None:
        """The model of that name, else the first: the name does not matter to all servers."""
        models = self.data or []
        named = [model for model in models if model.id == name]
        return next(iter(named or models), None)


chunk = msgspec.json.Decoder(Chunk)
models = msgspec.json.Decoder(Models)


def body(
    model: str,
    turns: Sequence[Turn],
    max_tokens: int,
    temperature: float | None,
    extra: Mapping[str, Any],
) -> bytes:
    """A request: the fields that all servers know, and `extra` ones that this one does."""
    request: dict[str, Any] = {
        "model": model,
        "messages": [{"role": turn.role, "content": turn.text} for turn in turns],
        "stream": True,
        "stream_options": {"include_usage": True},
        # Its newer name, `max_completion_tokens`, is not known to TGI.
        "max_tokens": max_tokens,
        **extra,
    }
    if temperature is not None:
        request["temperature"] = temperature
    return msgspec.json.encode(request)
