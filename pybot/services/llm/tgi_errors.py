"""What TGI means when it refuses: its statuses and error types as ModelError."""

import re

import msgspec
from msgspec import Struct
from text_generation.errors import (  # type: ignore[import-untyped]  # it ships no py.typed
    GenerationError,
    IncompleteGenerationError,
    OverloadedError,
    ValidationError,
    parse_error,
)

from pybot.services.llm import errors
from pybot.services.llm.base import ModelError
from pybot.services.records import RunErrorCode

# "`inputs` must have less than 4095 tokens", "`inputs` tokens + `max_new_tokens` must be <= 4096",
# "This model's maximum context length is 4096 tokens", "the request exceeds the available context".
TOO_LONG = re.compile(
    r"must have less than|tokens.{0,40}must be <=|context|too long", re.IGNORECASE
)


class _Refusal(Struct):
    """The body of a refusal, as TGI writes it."""

    error: str = ""
    error_type: str = ""


_refusal = msgspec.json.Decoder(_Refusal)


def of_type(error_type: str, message: str) -> ModelError:
    """An error of TGI by the type it gives, in a body or in an event."""
    error = parse_error(500, {"error": message[: errors.QUOTED], "error_type": error_type})
    match error:
        case OverloadedError():
            return errors.busy()
        case ValidationError() if TOO_LONG.search(message):
            return errors.too_long(message)
        case ValidationError():
            return ModelError(
                RunErrorCode.MODEL_INTERRUPTED,
                f"The model's service refused the request: {error}",
                retryable=False,
            )
        case GenerationError() | IncompleteGenerationError():
            return ModelError(RunErrorCode.MODEL_INTERRUPTED, f"The model failed: {error}")
        case _:
            return ModelError(
                RunErrorCode.MODEL_INTERRUPTED, f"The model's service failed: {error}"
            )


def of_status(status: int, body: bytes) -> ModelError:
    """A refusal by its HTTP status and body."""
    said = _said(body)
    match status:
        case 429 | 503:
            return errors.busy()
        case 401 | 403:
            return ModelError(
                RunErrorCode.MODEL_UNAVAILABLE,
                "The model's service refused Pybot's credentials: see LLM__CREDS.",
                retryable=False,
            )
        case 404 | 405:
            return ModelError(
                RunErrorCode.MODEL_UNAVAILABLE,
                "What answers at LLM__URL is not Text Generation Inference.",
                retryable=False,
            )
        case 413:
            return errors.too_long(said.error)
        case 422 | 400:
            return of_type("validation", said.error or f"status {status}")
        case 424:
            return of_type("generation", said.error or f"status {status}")
        case _:
            return ModelError(
                RunErrorCode.MODEL_UNAVAILABLE,
                f"The model's service failed (status {status}). Try again.",
            )


def _said(body: bytes) -> _Refusal:
    try:
        return _refusal.decode(body)
    except msgspec.MsgspecError:  # a proxy's page, or plain text
        return _Refusal(error=body[: errors.QUOTED].decode(errors="replace"))
