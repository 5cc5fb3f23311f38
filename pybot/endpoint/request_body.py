"""Reads the operation that an HTTP request asks for (GraphQL over HTTP, section 5)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from starlette.requests import Request

from pybot.endpoint.json_text import decode
from pybot.endpoint.masking import BAD_INPUT
from pybot.endpoint.refusal import JSON, Refusal, bad_request
from pybot.endpoint.surrogates import lone_surrogate_error

# Seconds for a body to arrive; bodies are at most a megabyte.
_BODY_TIMEOUT = 30


@dataclass(frozen=True)
class Operation:
    """What is to be executed."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    extensions: dict[str, Any] | None


async def read_operation(request: Request, max_size: int) -> Operation:
    """The operation of a GET or POST request; raises `Refusal`."""
    if request.method == "GET":
        if len(request.scope["query_string"]) > max_size:
            raise _too_large(max_size)
        return _from_query(request.query_params)
    _require_json(request)
    try:
        data = decode(await _read(request, max_size))
    except ValueError:
        raise bad_request("The request's body is not valid JSON in UTF-8.") from None
    if isinstance(data, list):
        raise bad_request("Batches are not supported: send one operation per request.")
    if not isinstance(data, dict):
        raise bad_request("The request's body must be a JSON object.")
    return _operation(cast("dict[str, object]", data))


def _from_query(parameters: Mapping[str, str]) -> Operation:
    fields: dict[str, object] = {
        name: parameters[name] for name in ("query", "operationName") if parameters.get(name)
    }
    for name in ("variables", "extensions"):
        if text := parameters.get(name):
            try:
                fields[name] = decode(text)
            except ValueError:
                raise bad_request(f"The parameter `{name}` is not valid JSON.") from None
    return _operation(fields)


def _operation(fields: Mapping[str, object]) -> Operation:
    query = fields.get("query")
    if not isinstance(query, str) or not query:
        raise bad_request("The request has no `query`: send the GraphQL document as a string.")
    operation_name = fields.get("operationName")
    if not isinstance(operation_name, str | None):
        raise bad_request("`operationName` must be a string or null.")
    variables, extensions = _object(fields, "variables"), _object(fields, "extensions")
    if error := lone_surrogate_error(query, operation_name, variables):
        raise Refusal(400, BAD_INPUT, error.message, extensions=error.extensions)
    return Operation(query, variables, operation_name, extensions)


def _object(fields: Mapping[str, object], name: str) -> dict[str, Any] | None:
    value = fields.get(name)
    if not isinstance(value, dict | None):
        raise bad_request(f"`{name}` must be an object or null.")
    return cast("dict[str, Any] | None", value)


def _require_json(request: Request) -> None:
    """A cross-site form cannot send this content type without being asked about first."""
    media, *parameters = (
        part.strip().lower() for part in request.headers.get("content-type", "").split(";")
    )
    charsets = [p.partition("=")[2].strip('"') for p in parameters if p.startswith("charset=")]
    if media != JSON or any(charset not in ("utf-8", "utf8") for charset in charsets):
        message = "Send the request as `Content-Type: application/json`, in UTF-8."
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", message, {"accept": JSON})


async def _read(request: Request, max_size: int) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length[:20]) > max_size:
        raise _too_large(max_size)
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_size:
                    raise _too_large(max_size)
    except TimeoutError:
        raise Refusal(408, "REQUEST_TIMEOUT", "The request's body did not arrive.") from None
    return bytes(body)


def _too_large(max_size: int) -> Refusal:
    return Refusal(413, "PAYLOAD_TOO_LARGE", f"The request is larger than {max_size} bytes.")
