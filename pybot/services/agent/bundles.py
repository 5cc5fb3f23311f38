"""Reads MIME bundles without trust: they come from code that nobody has checked."""

import base64
import binascii
import re
import struct
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct

from pybot.services.kernels.base import Size

# RFC 6838, 4.2, in lower case: what a header and a file name can carry.
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_BINARY = re.compile(r"(image|audio|video|font)/(?!svg\+xml$).*|application/(pdf|zip|octet-stream)")
_JSON = re.compile(r"application/(json|.*\+json)")
_MAX_TYPES = 16
_PNG = b"\x89PNG\r\n\x1a\n"

# JupyterLab's ranks (packages/rendermime/src/factories.ts and its extensions' 0 for JSON and
# vendors' types), richest first; what is not named comes before plain text.
_RANKS = (
    (re.compile(r"application/vnd\..*"), 0),
    (re.compile(r"text/html"), 50),
    (re.compile(r"text/markdown"), 60),
    (re.compile(r"text/latex"), 70),
    (re.compile(r"image/svg\+xml"), 80),
    (re.compile(r"image/.*"), 90),
    (_JSON, 95),
    (re.compile(r"text/plain"), 120),
)
_OTHER_RANK = 100  # between JSON and plain text


class Content(Struct, frozen=True):
    """A representation in one media type, as bytes; text is UTF-8."""

    media_type: str
    data: bytes
    is_text: bool


def natural_size(content: Content) -> Size | None:
    """The size of a PNG, as its header says; None for what is none."""
    header = content.data[:24]
    if content.media_type != "image/png" or len(header) < 24 or header[:8] != _PNG:
        return None
    width, height = struct.unpack(">II", header[16:24])
    return Size(width, height) if 0 < min(width, height) <= max(width, height) < 2**31 else None


def clean(text: str) -> str:
    """Text without lone surrogates, which neither JSON nor UTF-8 can carry."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def read_bundle(bundle: Mapping[str, Any]) -> list[Content]:
    """What is valid of a bundle, richest first; what is malformed is left out."""
    contents = [
        content
        for media_type, value in list(bundle.items())[:_MAX_TYPES]
        if _is_media_type(media_type) and (content := _read(media_type, value)) is not None
    ]
    return sorted(contents, key=lambda content: _rank(content.media_type))


def _is_media_type(value: object) -> bool:
    return isinstance(value, str) and _MEDIA_TYPE.fullmatch(value) is not None


def _rank(media_type: str) -> int:
    ranks = (rank for pattern, rank in _RANKS if pattern.fullmatch(media_type))
    return next(ranks, _OTHER_RANK)


def _read(media_type: str, value: object) -> Content | None:
    """A representation as bytes; None when it is not what its media type says."""
    if _JSON.fullmatch(media_type):
        return _read_json(media_type, value)
    text = _joined(value)
    if text is None:
        return None
    if not _BINARY.fullmatch(media_type):
        return Content(media_type, text.encode(errors="replace"), is_text=True)
    try:
        return Content(media_type, base64.b64decode(text.encode("ascii")), is_text=False)
    except (binascii.Error, ValueError):
        return None


def _read_json(media_type: str, value: object) -> Content | None:
    try:
        return Content(media_type, msgspec.json.encode(value), is_text=True)
    except (TypeError, ValueError, RecursionError):
        return None


def _joined(value: object) -> str | None:
    """A text, or nbformat's list of lines joined."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        lines = cast("list[object]", value)
        if all(isinstance(line, str) for line in lines):
            return "".join(cast("list[str]", lines))
    return None
