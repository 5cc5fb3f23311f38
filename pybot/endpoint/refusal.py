"""Requests refused before GraphQL sees them, answered as JSON in GraphQL's shape."""

from collections.abc import Mapping

from starlette.responses import Response

from pybot.endpoint.json_text import encode

JSON = "application/json"

# An answer is for one user, and its form depends on the header `Accept`.
HEADERS = {
    "cache-control": "no-store",
    "vary": "Accept, Origin",
    "x-content-type-options": "nosniff",
}


class Refusal(Exception):
    """Why a request is refused: an HTTP status, a stable code, and a sentence for a person.

    `extensions` are what the error carries beside its code.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        extensions: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.extensions = {**(extensions or {}), "code": code}

    def response(self, media_type: str = JSON) -> Response:
        """The answer: `{"errors": [{"message": …, "extensions": {"code": …}}]}`."""
        body = {"errors": [{"message": self.message, "extensions": self.extensions}]}
        return json_response(body, self.status, media_type, self.headers)


def bad_request(message: str) -> Refusal:
    """The refusal of a malformed request: 400."""
    return Refusal(400, "BAD_REQUEST", message)


def json_response(
    body: object,
    status: int = 200,
    media_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A JSON response that caches must not store."""
    content = encode(body)
    return Response(
        content,
        status,
        {**HEADERS, **(headers or {})},
        media_type=f"{media_type}; charset=utf-8",
    )
