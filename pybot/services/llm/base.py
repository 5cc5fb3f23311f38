"""The port through which the agent speaks with a language model."""

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

from msgspec import Struct

from pybot.services.records import RunErrorCode, TokenUsage


class Turn(Struct, frozen=True):
    """One turn of the prompt, before any chat template."""

    role: Literal["system", "user", "assistant"]
    text: str


class ModelRequest(Struct, frozen=True, kw_only=True):
    """One request to a chat model.

    The last turn may be the assistant's own unfinished one: the model then continues it.
    `stop` sequences end the response and are part of the text that is given back.
    """

    turns: Sequence[Turn]
    max_tokens: int
    stop: Sequence[str] = ()
    temperature: float | None = None


class Delta(Struct, frozen=True):
    """A piece of what the model writes, or with `reasoning` of what it thinks."""

    text: str
    reasoning: bool = False


class ResponseEnd(Struct, frozen=True):
    """The end of a whole response; a stream without it was cut."""

    reason: Literal["stop", "length"]
    usage: TokenUsage


class ModelInfo(Struct, frozen=True):
    """What a model's service says of itself; `context_window` in tokens.

    `available` says whether it answers and has the model.
    """

    name: str
    context_window: int | None
    available: bool


class ModelError(Exception):
    """The model's service failed: `code` says how; `retryable` whether it is worth another try."""

    def __init__(self, code: RunErrorCode, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable


class ChatModel(Protocol):
    """A language model. Every adapter passes `tests/contracts/test_chat_model.py`."""

    @property
    def name(self) -> str:
        """The name of the model, as configured."""
        ...

    def generate(self, request: ModelRequest) -> AsyncIterator[Delta | ResponseEnd]:
        """Stream an answer, ended by `ResponseEnd`; closing the iterator makes the model stop.

        The first item comes when the service has begun to answer. Raises ModelError:
        MODEL_UNAVAILABLE (refused), MODEL_BUSY (429/503), MODEL_INTERRUPTED (cut, stalled,
        ended without its final text), CONTEXT_TOO_LONG (422 for length).
        """
        ...

    async def info(self) -> ModelInfo:
        """What the service says of itself; never raises."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
