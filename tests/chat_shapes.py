"""The shapes of chat completions on the wire, as four servers write them."""

import json
from typing import Any, Literal

Dialect = Literal["tgi", "vllm", "ollama", "llamacpp"]
Refusal = Literal["busy", "unready", "too_long", "failed"]

MODEL = "scripted/model"
MESSAGES: dict[Dialect, dict[Refusal, tuple[int, str]]] = {
    "tgi": {
        "busy": (429, "Model is overloaded"),
        "unready": (503, "Model is overloaded"),
        "too_long": (
            422,
            "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000",
        ),
        "failed": (424, "Request failed during generation: out of memory"),
    },
    "vllm": {
        "busy": (429, "Too many requests"),
        "unready": (503, "Service Unavailable"),
        "too_long": (
            400,
            "This model's maximum context length is 4096 tokens. However, your request has 5000.",
        ),
        "failed": (500, "CUDA error: out of memory"),
    },
    "ollama": {
        "busy": (503, "server busy, please try again.  maximum pending requests exceeded"),
        "unready": (503, "server busy, please try again.  maximum pending requests exceeded"),
        "too_long": (400, "the input length exceeds the context length"),
        "failed": (500, "model runner has unexpectedly stopped: out of memory"),
    },
    "llamacpp": {
        "busy": (503, "Loading model"),
        "unready": (503, "Loading model"),
        "too_long": (
            400,
            "request (5000 tokens) exceeds the available context size (4096 tokens)",
        ),
        "failed": (500, "out of memory"),
    },
}
_TYPES: dict[Dialect, dict[int, str]] = {
    "tgi": {},
    "vllm": {400: "BadRequestError", 429: "RateLimitError", 500: "InternalServerError"},
    "ollama": {400: "invalid_request_error", 404: "not_found_error"},
    "llamacpp": {400: "exceed_context_size_error", 500: "server_error", 503: "unavailable_error"},
}


def event(dialect: Dialect, content: object) -> bytes:
    """A server-sent event; TGI puts no blank after the colon."""
    data = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return _event(dialect, data)


def done(dialect: Dialect) -> bytes:
    """The event behind the last one."""
    return _event(dialect, "[DONE]")


def opening(dialect: Dialect) -> list[dict[str, Any]]:
    """The chunks before the first text: with vLLM and llama.cpp one that has the role."""
    match dialect:
        case "vllm":
            return [_chunk(dialect, {"role": "assistant", "content": ""}, None)]
        case "llamacpp":
            return [_chunk(dialect, {"role": "assistant", "content": None}, None)]
        case _:
            return []


def text(dialect: Dialect, content: str, reason: str | None = None) -> dict[str, Any]:
    """A chunk of text; later ones have a role with TGI and Ollama alone."""
    delta: dict[str, Any] = {"content": content}
    if dialect in ("tgi", "ollama"):
        delta = {"role": "assistant", "content": content}
    if dialect == "tgi":
        delta["tool_calls"] = None
    return _chunk(dialect, delta, reason)


def thought(dialect: Dialect, content: str) -> dict[str, Any]:
    """A chunk of what the model thinks."""
    match dialect:
        case "ollama":
            return _chunk(dialect, {"role": "assistant", "content": "", "reasoning": content}, None)
        case _:
            return _chunk(dialect, {"reasoning_content": content}, None)


def finish(dialect: Dialect, reason: str) -> dict[str, Any]:
    """The chunk of the end."""
    delta: dict[str, Any] = (
        {} if dialect == "llamacpp" else text(dialect, "")["choices"][0]["delta"]
    )
    made = _chunk(dialect, delta, reason)
    if dialect == "vllm":
        made["choices"][0]["stop_reason"] = None
    return made


def usage(dialect: Dialect, completion_tokens: int) -> dict[str, Any]:
    """The chunk of the tokens, without a choice; a prompt is always 7 of them."""
    made = _chunk(dialect, {}, None)
    made["choices"] = []
    made["usage"] = {
        "prompt_tokens": 7,
        "completion_tokens": completion_tokens,
        "total_tokens": 7 + completion_tokens,
    }
    if dialect == "llamacpp":
        made["timings"] = {"prompt_n": 7, "predicted_n": completion_tokens}
    return made


def error(dialect: Dialect, status: int, message: str, *, streamed: bool = False) -> dict[str, Any]:
    """An error, in a body or in an event of a stream."""
    if dialect == "tgi":
        if streamed:
            return {"error": {"message": message, "http_status_code": 422}}
        return {"error": message, "error_type": "validation" if status == 422 else "generation"}
    kind = _TYPES[dialect].get(status, "api_error")
    if dialect == "ollama":
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}
    if dialect == "llamacpp":
        if status == 400 and "context size" not in message:
            kind = "invalid_request_error"
        return {"error": {"code": status, "message": message, "type": kind}}
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}


def models(dialect: Dialect, name: str, window: int) -> dict[str, Any]:
    """What `/v1/models` says of a model."""
    model: dict[str, Any] = {"id": name, "object": "model", "created": 0, "owned_by": name}
    match dialect:
        case "vllm":
            model |= {"owned_by": "vllm", "root": name, "max_model_len": window, "permission": []}
        case "ollama":
            model["owned_by"] = "library"
        case "llamacpp":
            model |= {"owned_by": "llamacpp", "meta": {"n_ctx": window, "n_ctx_train": 8192}}
        case "tgi":
            pass
    return {"object": "list", "data": [model]}


def _chunk(dialect: Dialect, delta: dict[str, Any], reason: str | None) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "delta": delta, "finish_reason": reason}
    if dialect in ("tgi", "vllm"):
        choice["logprobs"] = None
    made: dict[str, Any] = {
        "id": "" if dialect == "tgi" else "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1732500000,
        "model": MODEL,
        "choices": [choice],
    }
    if dialect != "vllm":
        made["system_fingerprint"] = "fp_ollama" if dialect == "ollama" else "3.3.6-native"
    if dialect == "tgi":
        made["usage"] = None
    return made


def _event(dialect: Dialect, data: str) -> bytes:
    blank = "" if dialect == "tgi" else " "
    return f"data:{blank}{data}\n\n".encode()
