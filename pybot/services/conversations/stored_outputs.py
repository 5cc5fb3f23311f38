"""The bytes of outputs, for download."""

import mimetypes

from msgspec import Struct

from pybot.errors import NotFound
from pybot.services.conversations.messages import Messages
from pybot.services.conversations.snapshots import Snapshots
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
from pybot.services.store.blobs import Blobs

TEXT = "text/plain; charset=utf-8"
NO_REPRESENTATION = "The output is not there in this media type."


class StoredOutput(Struct, frozen=True):
    """Bytes of an output with a name for the file; `version` changes with the bytes."""

    media_type: str
    data: bytes
    filename: str
    version: str = ""


class StoredOutputs:
    """Reads outputs of the viewer's own cells."""

    def __init__(self, snapshots: Snapshots, messages: Messages, blobs: Blobs) -> None:
        self._snapshots = snapshots
        self._messages = messages
        self._blobs = blobs

    async def read(
        self, viewer: Viewer, output_id: str, media_type: str | None = None
    ) -> StoredOutput:
        """An output in a media type; when None the richest one, or all that is stored of a text.

        Raises NotFound.
        """
        conversation_id = conversation_of(output_id)
        snapshot = await self._snapshots.open(viewer, conversation_id)
        output = await self._messages.output(snapshot, output_id)
        match output:
            case StreamOutput():
                return await self._text(conversation_id, output, output.text)
            case ErrorOutput():
                return await self._text(conversation_id, output, "\n".join(output.traceback))
            case DisplayOutput() | ResultOutput():
                found = _representation(output, media_type)
                filename = filename_of(output, found.media_type)
                return await self._representation(conversation_id, found, filename)

    async def _text(
        self, conversation_id: str, output: StreamOutput | ErrorOutput, text: str
    ) -> StoredOutput:
        if output.blob is None:
            return StoredOutput(TEXT, text.encode(), filename_of(output))
        blob = await self._blobs.read(conversation_id, output.blob)
        return StoredOutput(TEXT, blob.data, filename_of(output), output.blob)

    async def _representation(
        self, conversation_id: str, found: Representation, filename: str
    ) -> StoredOutput:
        if found.blob is None:
            return StoredOutput(found.media_type, (found.text or "").encode(), filename)
        blob = await self._blobs.read(conversation_id, found.blob)
        return StoredOutput(found.media_type, blob.data, filename, found.blob)


def filename_of(output: Output, media_type: str | None = None) -> str:
    """The name of the file that an output is downloaded as; `media_type` None for its text."""
    match output:
        case StreamOutput(name=name):
            return f"{name.lower()}.txt"
        case ErrorOutput():
            return "traceback.txt"
        case DisplayOutput() | ResultOutput():
            ending = ".txt" if media_type is None else mimetypes.guess_extension(media_type) or ""
            return f"output-{output.index}{ending}"


def _representation(output: Output, media_type: str | None) -> Representation:
    representations = (
        output.representations if isinstance(output, DisplayOutput | ResultOutput) else ()
    )
    for found in representations:
        if media_type in (None, found.media_type):
            return found
    raise NotFound(NO_REPRESENTATION)
