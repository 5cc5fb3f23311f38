import pytest

from pybot.services.llm import tgi_errors
from pybot.services.records import RunErrorCode

TOO_LONG = (
    b'{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. '
    b'Given: 5000 `inputs` tokens and 512 `max_new_tokens`","error_type":"validation"}'
)


@pytest.mark.parametrize(
    ("status", "body", "code", "retryable"),
    [
        (429, b"", RunErrorCode.MODEL_BUSY, True),
        (503, b"<html>", RunErrorCode.MODEL_BUSY, True),
        (401, b"", RunErrorCode.MODEL_UNAVAILABLE, False),
        (403, b"", RunErrorCode.MODEL_UNAVAILABLE, False),
        (404, b"", RunErrorCode.MODEL_UNAVAILABLE, False),
        (413, b"", RunErrorCode.CONTEXT_TOO_LONG, False),
        (422, TOO_LONG, RunErrorCode.CONTEXT_TOO_LONG, False),
        (
            422,
            b'{"error":"`temperature` must be strictly positive"}',
            RunErrorCode.MODEL_INTERRUPTED,
            False,
        ),
        (424, b"", RunErrorCode.MODEL_INTERRUPTED, True),
        (500, b"", RunErrorCode.MODEL_UNAVAILABLE, True),
        (502, b"<html>bad gateway</html>", RunErrorCode.MODEL_UNAVAILABLE, True),
    ],
)
def test_status_says_what_happened(
    status: int, body: bytes, code: RunErrorCode, retryable: bool
) -> None:
    error = tgi_errors.of_status(status, body)
    assert (error.code, error.retryable) == (code, retryable)
    assert error.message


@pytest.mark.parametrize(
    ("error_type", "code"),
    [
        ("overloaded", RunErrorCode.MODEL_BUSY),
        ("generation", RunErrorCode.MODEL_INTERRUPTED),
        ("incomplete_generation", RunErrorCode.MODEL_INTERRUPTED),
        ("something_new", RunErrorCode.MODEL_INTERRUPTED),
    ],
)
def test_type_says_what_happened(error_type: str, code: RunErrorCode) -> None:
    assert tgi_errors.of_type(error_type, "its words").code == code


def test_services_words_are_in_the_message_up_to_a_length() -> None:
    error = tgi_errors.of_type("generation", "out of memory " * 1000)
    assert "out of memory" in error.message
    assert len(error.message) < 1000
