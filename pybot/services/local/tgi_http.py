"""How TGI writes answers, events and errors on the wire."""

import logging
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from pybot.services.local.llama import LlamaError
from pybot.services.local.llama_requests import Overloaded
from pybot.services.local.tgi_types import InvalidRequest

log = logging.getLogger(__name__)
_encoder = msgspec.json.Encoder()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def json_response(content: object, status: int = 200) -> web.Response:
    """Structs, lists and mappings as JSON."""
    return web.Response(
        body=_encoder.encode(content), status=status, content_type="application/json"
    )


def stream_response() -> web.StreamResponse:
    """A response that events are written to."""
    return web.StreamResponse(
        headers={
            "content-type": "text/event-stream",
            "cache-control": "no-cache",
            "x-accel-buffering": "no",
        }
    )


def event(content: object) -> bytes:
    """One server-sent event; TGI puts no blank after `data:`."""
    return b"data:" + _encoder.encode(content) + b"\n\n"


def failure(error: LlamaError) -> dict[str, str]:
    """The body of an answer, or the event of a stream, that failed."""
    log.error("generation failed: %s", error)
    return {"error": f"Request failed during generation: {error}", "error_type": "generation"}


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What TGI answers to requests that it does not take: 422, 429, 424.

    TGI sends a refusal of a stream as an event with status 200; the status is what its
    documentation says, and both of its clients understand it.
    """
    try:
        return await handler(request)
    except InvalidRequest as error:
        message = f"Input validation error: {error}"
        return json_response({"error": message, "error_type": "validation"}, 422)
    except msgspec.ValidationError as error:
        message = f"Failed to deserialize the JSON body into the target type: {error}"
        return json_response({"error": message, "error_type": "validation"}, 422)
    except msgspec.DecodeError as error:
        message = f"Failed to parse the request body as JSON: {error}"
        return json_response({"error": message, "error_type": "validation"}, 400)
    except Overloaded:
        return json_response({"error": "Model is overloaded", "error_type": "overloaded"}, 429)
    except LlamaError as error:
        return json_response(failure(error), 424)
