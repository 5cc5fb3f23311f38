"""Errors as OpenAI-compatible servers word them."""

import json

import pytest

from pybot.services.llm.chat_errors import of_event, of_status
from pybot.services.records import RunErrorCode
from tests.chat_shapes import MESSAGES, Dialect, Refusal, error

CODES: dict[Refusal, RunErrorCode] = {
    "busy": RunErrorCode.MODEL_BUSY,
    "unready": RunErrorCode.MODEL_BUSY,
    "too_long": RunErrorCode.CONTEXT_TOO_LONG,
    "failed": RunErrorCode.MODEL_INTERRUPTED,
}
CASES = [(dialect, kind) for dialect, kinds in MESSAGES.items() for kind in kinds]


@pytest.mark.parametrize(("dialect", "kind"), CASES)
def test_same_is_meant_by_a_status_and_in_the_stream(dialect: Dialect, kind: Refusal) -> None:
    status, message = MESSAGES[dialect][kind]
    whole = of_status(status, json.dumps(error(dialect, status, message)).encode())
    streamed = of_event(json.dumps(error(dialect, status, message, streamed=True)).encode())
    assert whole.code is CODES[kind]
    if (dialect, kind) != ("ollama", "too_long"):  # which names no status in the stream
        assert streamed.code is CODES[kind]


@pytest.mark.parametrize(
    "message",
    [
        "The decoder prompt (length 8357) is longer than the maximum model length of 8192.",
        "'max_tokens' is too large: 2048. This model's maximum context length is 4096 tokens",
        "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens",
    ],
)
def test_too_long_is_read_from_the_message(message: str) -> None:
    assert of_status(400, _body(message)).code is RunErrorCode.CONTEXT_TOO_LONG


@pytest.mark.parametrize("kind", ["context_length_exceeded", "exceed_context_size_error"])
def test_too_long_is_read_from_the_type(kind: str) -> None:
    body = json.dumps({"error": {"message": "No.", "code": kind}}).encode()
    assert of_status(500, body).code is RunErrorCode.CONTEXT_TOO_LONG


def test_other_mistake_is_not_tried_again() -> None:
    refused = of_status(400, _body("Unsupported value for context: temperature"))
    assert refused.code is RunErrorCode.MODEL_INTERRUPTED
    assert not refused.retryable
    assert "temperature" in refused.message


@pytest.mark.parametrize(
    ("status", "body", "setting"),
    [
        (401, b'{"error":{"message":"Invalid API Key","type":"authentication_error"}}', "CREDS"),
        (404, b'{"error":{"message":"The model `x` does not exist.","code":404}}', "LLM__MODEL"),
        (
            404,
            b'{"error":{"message":"model \\"x\\" not found, try pulling it first"}}',
            "LLM__MODEL",
        ),
        (404, b'{"detail":"Not Found"}', "LLM__API"),
        (404, b"404 page not found", "LLM__API"),
        (405, b"", "LLM__URL"),
    ],
)
def test_wrong_setting_is_named(status: int, body: bytes, setting: str) -> None:
    refused = of_status(status, body)
    assert refused.code is RunErrorCode.MODEL_UNAVAILABLE
    assert not refused.retryable
    assert setting in refused.message


def test_spent_account_is_not_busy() -> None:
    body = b'{"error":{"message":"You exceeded your quota.","code":"insufficient_quota"}}'
    refused = of_status(429, body)
    assert not refused.retryable
    assert "quota" in refused.message


@pytest.mark.parametrize("status", [502, 504])
def test_proxy_without_a_server_is_unavailable(status: int) -> None:
    refused = of_status(status, b"<html>Bad Gateway</html>")
    assert refused.code is RunErrorCode.MODEL_UNAVAILABLE
    assert refused.retryable
    assert "html" not in refused.message


def test_old_vllm_has_no_object_around_its_error() -> None:
    data = b'{"object":"error","message":"maximum context length is 4096","code":400}'
    assert of_event(data).code is RunErrorCode.CONTEXT_TOO_LONG


@pytest.mark.parametrize(
    "message", ["Request failed during generation: CUDA", "Incomplete generation"]
)
def test_tgi_means_less_than_its_status_in_the_stream(message: str) -> None:
    error = of_event(json.dumps({"error": {"message": message, "http_status_code": 422}}).encode())
    assert error.code is RunErrorCode.MODEL_INTERRUPTED
    assert error.retryable


def test_error_in_the_stream_may_be_a_text() -> None:
    assert "it broke" in of_event(b'{"error":"it broke"}').message


def _body(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": "BadRequestError"}}).encode()
