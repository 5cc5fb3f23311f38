"""The bytes of outputs, for download."""

import mimetypes

from msgspec import Struct

from pybot.errors import NotFound
from pybot.services.blobs import Blobs
from pybot.services.records import (
    DisplayOutput,
    ErrorOutput,
    Output,
    Representation,
    ResultOutput,
    StreamOutput,
    Viewer,
    conversation_of,
)
from pybot.services.snapshots import Snapshots

TEXT = "text/plain; charset=utf-8"
NO_REPRESENTATION = "The output is not there in this media type."


class StoredOutput(Struct, frozen=True):
    """Bytes of an output with a name for the file; `version` changes with the bytes."""

    media_type: str
    data: bytes
    filename: str
    version: str = ""


class Outputs:
    """Reads outputs of the viewer's own cells."""

    def __init__(self, snapshots: Snapshots, blobs: Blobs) -> None:
        self._snapshots = snapshots
        self._blobs = blobs

    async def read(
        self, viewer: Viewer, output_id: str, media_type: str | None = None
    ) -> StoredOutput:
        """An output in a media type: the richest, or all that was kept of a text, when None."""
        output = await self._snapshots.output(viewer, output_id)
        conversation_id = conversation_of(output_id)
        match output:
            case StreamOutput():
                return await self._text(conversation_id, output, output.text, output.name.lower())
            case ErrorOutput():
                text = "\n".join(output.traceback)
                return await self._text(conversation_id, output, text, "traceback")
            case DisplayOutput() | ResultOutput():
                found = _representation(output, media_type)
                return await self._representation(conversation_id, found, f"output-{output.index}")

    async def _text(
        self, conversation_id: str, output: StreamOutput | ErrorOutput, text: str, name: str
    ) -> StoredOutput:
        if output.blob is None:
            return StoredOutput(TEXT, text.encode(), f"{name}.txt")
        blob = await self._blobs.read(conversation_id, output.blob)
        return StoredOutput(TEXT, blob.data, f"{name}.txt", output.blob)

    async def _representation(
        self, conversation_id: str, found: Representation, name: str
    ) -> StoredOutput:
        filename = name + (mimetypes.guess_extension(found.media_type) or "")
        if found.blob is None:
            return StoredOutput(found.media_type, (found.text or "").encode(), filename)
        blob = await self._blobs.read(conversation_id, found.blob)
        return StoredOutput(found.media_type, blob.data, filename, found.blob)


def _representation(output: Output, media_type: str | None) -> Representation:
    representations = (
        output.representations if isinstance(output, DisplayOutput | ResultOutput) else ()
    )
    for found in representations:
        if media_type in (None, found.media_type):
            return found
    raise NotFound(NO_REPRESENTATION)
