"""Stores the bytes of a cell's outputs: inline while small, else as blobs, up to a limit."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from pybot.config import LimitSettings
from pybot.services.agent.bounded import whole_characters
from pybot.services.agent.bundles import Content, natural_size, read_bundle
from pybot.services.agent.ports import BlobStore
from pybot.services.kernels.base import Size
from pybot.services.records import Representation

# Larger text is fetched by its URL (docs/architecture.md).
_MAX_INLINE = 65_536
PLAIN = "text/plain"


class Represented(Struct, frozen=True):
    """A bundle's representations, richest first, and whether one was cut or left out."""

    representations: tuple[Representation, ...]
    is_cut: bool


class OutputStore:
    """Stores the outputs of one cell, and counts their bytes, also of outputs that were cleared."""

    def __init__(self, blobs: BlobStore, limits: LimitSettings) -> None:
        self._blobs = blobs
        self._max_each = limits.max_kept_output
        self._left = limits.max_cell_output
        self._is_storage_full = False

    @property
    def is_spent(self) -> bool:
        """Whether the cell has reached its limit."""
        return self._left <= 0

    def spend(self, size: int) -> None:
        """Count bytes that go to the log."""
        self._left -= size

    async def store(self, media_type: str, data: bytes) -> str | None:
        """Store text, cut to the limit of one output; the digest of its blob.

        None when the cell has reached its limit, or the user's storage is full.
        """
        return await self._put(media_type, whole_characters(data[: self._max_each]))

    async def represent(self, bundle: Mapping[str, Any], sizes: Mapping[str, Size]) -> Represented:
        """Store a MIME bundle; where nothing of it can be stored, a text that says so."""
        contents = read_bundle(bundle)
        representations: list[Representation] = []
        is_cut = False
        for content in contents:
            size = sizes.get(content.media_type) or natural_size(content)
            representation = await self._represent(content, size)
            if representation is not None:
                representations.append(representation)
            if representation is None or (content.is_text and representation.text is None):
                is_cut = True
        if self._is_storage_full:
            # The message takes the place of the plain text, which is shown where no other type is.
            representations = [each for each in representations if each.media_type != PLAIN]
            why = "your storage is full: delete conversations to make room"
            representations.append(_left_out(contents[0], why))
        elif contents and not representations:
            representations.append(_left_out(contents[0], "too large to store"))
        return Represented(tuple(representations), is_cut)

    async def _represent(self, content: Content, size: Size | None) -> Representation | None:
        """Store a content that is shown at a size; None when it cannot be stored."""
        stored = await self._stored(content)
        if stored is None or size is None:
            return stored
        return replace(stored, width=size.width, height=size.height)

    async def _stored(self, content: Content) -> Representation | None:
        size = len(content.data)
        if content.is_text and size <= min(_MAX_INLINE, self._left):
            self.spend(size)
            text = content.data.decode()
            return Representation(media_type=content.media_type, byte_size=size, text=text)
        blob = None
        if size <= self._max_each:
            blob = await self._put(content.media_type, content.data)
        if blob is None:
            return None
        return Representation(media_type=content.media_type, byte_size=size, blob=blob)

    async def _put(self, media_type: str, data: bytes) -> str | None:
        if len(data) > self._left:
            return None
        self._left -= len(data)
        digest = await self._blobs.put(media_type, data)
        self._is_storage_full = digest is None
        return digest


def _left_out(content: Content, why: str) -> Representation:
    """The text in place of an output that was not stored."""
    text = f"[{content.media_type}, {len(content.data):,} bytes: {why}]"
    return Representation(media_type=PLAIN, byte_size=len(text), text=text)
