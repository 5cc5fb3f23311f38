"""`/outputs/<id>`: the bytes of cells' outputs. They may be hostile, and are never a page.

Responses are sandboxed, never sniffed, and saved rather than shown, except for raster images. In
an `<img>` an SVG is shown too: its scripts do not run there.
"""

from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from pybot.endpoint.refusal import Refusal
from pybot.errors import NotFound, Unavailable
from pybot.schema import ids
from pybot.schema.representation import VERSION_LENGTH
from pybot.services.conversations.stored_outputs import StoredOutput

if TYPE_CHECKING:
    from pybot.services.container import Services

INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
FOREVER = "private, max-age=31536000, immutable"
REVALIDATE = "private, no-cache"
GUARD = {
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}


async def outputs(request: Request) -> Response:
    """Answer GET and HEAD; `type` names a media type, `v` the version that the caller knows."""
    services: Services = request.state.services
    output_id: str = request.path_params["output_id"]
    try:
        if not ids.is_shaped("Output", output_id):
            raise NotFound("There is no output with this ID.")
        stored = await services.stored_outputs.read(
            request.state.viewer, output_id, request.query_params.get("type")
        )
    except NotFound as error:
        return Refusal(404, error.code, error.message, headers=GUARD).response()
    except Unavailable as error:
        return Refusal(503, error.code, error.message, headers=GUARD).response()
    return _answer(request, stored)


def _answer(request: Request, stored: StoredOutput) -> Response:
    essence = stored.media_type.partition(";")[0].strip().lower()
    disposition = "inline" if essence in INLINE else "attachment"
    tag = version(stored)
    headers = {
        **GUARD,
        "content-disposition": f"{disposition}; filename*=UTF-8''{quote(stored.filename)}",
        "cache-control": FOREVER if request.query_params.get("v") == tag else REVALIDATE,
        "etag": f'"{tag}"',
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(stored.data, headers=headers, media_type=media_type(stored.media_type))


def version(stored: StoredOutput) -> str:
    """What `v` is in the URL that the API gives for these bytes (`schema/representation.py`)."""
    return (stored.version or sha256(stored.data).hexdigest())[:VERSION_LENGTH]


def media_type(text: str) -> str:
    """A media type that code chose, fit for a header."""
    if text.isascii() and text.isprintable() and "/" in text and len(text) <= 200:
        return text
    return "application/octet-stream"
