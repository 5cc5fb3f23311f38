"""What an OpenAI-compatible server means when it refuses, by a status or in the stream.

The error is an object with `message`, `type` and `code`; the code is a number, a word or null. TGI
writes a text with an `error_type` beside it, or `http_status_code` into the object; older vLLM has
no object around it; proxies write pages.
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

from pybot.services.llm import errors
from pybot.services.llm.base import ModelError
from pybot.services.records import RunErrorCode

# vLLM and OpenAI: "maximum context length is", "maximum model length of"; llama.cpp: "exceeds the
# available context size"; SGLang: "longer than the model's context length"; TGI: its two limits.
_TOO_LONG = re.compile(
    r"context[ _](?:length|size|window)|maximum model length|prompt is too long|"
    r"must have less than \d+ tokens|tokens.{0,40}must be <=",
    re.IGNORECASE,
)
_BUSY = re.compile(r"overloaded|server busy|too many requests|loading model", re.IGNORECASE)


class _Error(Struct, frozen=True):
    """An error in OpenAI's words, and TGI's one."""

    message: str | None = None
    type: Any = None
    code: Any = None
    http_status_code: int | None = None


class _Body(_Error, frozen=True):
    """What an error stands in; `detail` is FastAPI's, for a path that is not there."""

    error: _Error | str | None = None
    error_type: str = ""
    detail: str | None = None


class ServerError(Struct, frozen=True):
    """An error as a server words it; `status` where it gives one."""

    message: str = ""
    kind: str = ""
    status: int | None = None


_body = msgspec.json.Decoder(_Body)


def read_error(body: bytes) -> ServerError:
    """The error of a response's body or a stream's event."""
    try:
        content = _body.decode(body)
    except msgspec.MsgspecError:  # a proxy's page, or plain text
        return ServerError(body[: errors.QUOTED].decode(errors="replace"))
    if isinstance(content.error, str) or content.detail:
        return ServerError(str(content.error or content.detail), content.error_type)
    error = content.error or content
    status = error.http_status_code or error.code
    return ServerError(
        error.message or "",
        f"{error.type or ''} {error.code or ''}",
        status if isinstance(status, int) else None,
    )


def of_status(status: int, body: bytes) -> ModelError:
    """A refusal by its HTTP status and body."""
    return _of(status, read_error(body))


def of_event(data: bytes) -> ModelError:
    """An error that came in the stream, with the status that it names."""
    error = read_error(data)
    # TGI writes 422 for every error: its message says which it is.
    if _BUSY.search(f"{error.kind} {error.message}"):
        return errors.busy()
    if error.message.startswith(("Request failed during generation", "Incomplete generation")):
        return _failed(error)
    return _of(error.status or 500, error)


def _of(status: int, error: ServerError) -> ModelError:
    if _is_too_long(status, error):
        return errors.too_long(error.message)
    match status:
        case 429 | 503 if "insufficient_quota" not in error.kind:
            return errors.busy()
        case 401 | 403 | 404 | 405 | 429:
            return _unusable(status, error)
        case 400 | 422:
            return ModelError(
                RunErrorCode.MODEL_INTERRUPTED,
                f"The model's service refused the request: {_words(error)}",
                retryable=False,
            )
        case 502 | 504:
            return ModelError(
                RunErrorCode.MODEL_UNAVAILABLE,
                f"The model's service failed (status {status}). Try again.",
            )
        case _:
            return _failed(error)


def _is_too_long(status: int, error: ServerError) -> bool:
    # By the codes of OpenAI and llama.cpp for it, with any status: servers have sent 500.
    if "context_length_exceeded" in error.kind or "exceed_context_size" in error.kind:
        return True
    return status == 413 or (status in (400, 422) and bool(_TOO_LONG.search(error.message)))


def _unusable(status: int, error: ServerError) -> ModelError:
    """A refusal that only another setting changes, not another try."""
    match status:
        case 401 | 403:
            message = "The model's service refused Pybot's credentials: see LLM__CREDS."
        case 429:
            message = f"The model's service refused: {_words(error)}"
        case _ if "model" in error.message.lower():
            message = f"The model's service does not have the model of LLM__MODEL: {_words(error)}"
        case _:
            message = (
                "What answers at LLM__URL has no /v1/chat/completions: see LLM__URL and LLM__API."
            )
    return ModelError(RunErrorCode.MODEL_UNAVAILABLE, message, retryable=False)


def _failed(error: ServerError) -> ModelError:
    return errors.interrupted(f"The model's service failed: {_words(error)}")


def _words(error: ServerError) -> str:
    return error.message[: errors.QUOTED] or "it does not say why"
