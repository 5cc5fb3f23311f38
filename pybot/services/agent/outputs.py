"""What a kernel gives for a cell, turned into bounded outputs and the events that tell them."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from pybot.config import LimitSettings
from pybot.services.agent.bounded import BoundedText, last_lines, whole_characters
from pybot.services.agent.bundles import Content, clean, read_bundle
from pybot.services.agent.ports import BlobStore
from pybot.services.events import Event, OutputChanged, OutputsCleared, StreamDelta
from pybot.services.kernels.base import (
    Cleared,
    Displayed,
    DisplayUpdated,
    Printed,
    Raised,
    Reaction,
    Returned,
)
from pybot.services.records import (
    DisplayOutput,
    ErrorOutput,
    Output,
    Representation,
    ResultOutput,
    StreamName,
    StreamOutput,
)

# Larger text is fetched by its URL (DESIGN.md, section 3).
_MAX_INLINE = 65_536
_MAX_NAME = 256


class _Stream:
    """A stream output that still grows."""

    def __init__(self, index: int, name: StreamName, text: BoundedText) -> None:
        self.index = index
        self.name = name
        self.text = text
        self.length = 0


class OutputRecorder:
    """Takes a kernel's reactions in order; gives events, and at the end the outputs."""

    def __init__(
        self, cell_id: str, revision: int, *, blobs: BlobStore, limits: LimitSettings
    ) -> None:
        self.revision = revision
        self._cell_id = cell_id
        self._blobs = blobs
        self._limits = limits
        self._outputs: list[Output] = []
        self._stream: _Stream | None = None
        self._clears_next = False
        self._is_full = False
        self._stored = 0

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs, whole once `end` was called."""
        return tuple(self._outputs)

    async def take(self, reaction: Reaction) -> list[Event]:
        """The events that a reaction makes."""
        match reaction:
            case Printed():
                return await self._printed(reaction)
            case Displayed():
                return await self._displayed(reaction)
            case DisplayUpdated():
                return await self._display_updated(reaction)
            case Returned():
                return await self._returned(reaction)
            case Raised():
                return await self._raised(reaction)
            case Cleared():
                self._clears_next = reaction.wait
                return [] if reaction.wait else self._clear()
            case _:
                return []

    async def note(self, name: str, text: str) -> list[Event]:
        """Add an error of Pybot's own, for the user and the model: why the cell was stopped."""
        events = await self._begin_output()
        index = len(self._outputs)
        note = ErrorOutput(index=index, ename=name, evalue=text, traceback=(f"{name}: {text}",))
        return [*events, self._put(note)]

    async def end(self) -> list[Event]:
        """Close what still grows: nothing more comes."""
        return await self._close_stream()

    def _put(self, output: Output) -> Event:
        """Add an output, or replace the one at its index."""
        if output.index == len(self._outputs):
            self._outputs.append(output)
        else:
            self._outputs[output.index] = output
        return OutputChanged(self._cell_id, self.revision, output)

    def _clear(self) -> list[Event]:
        self._stream, self._is_full = None, False
        if not self._outputs:
            return []
        self._outputs.clear()
        self.revision += 1
        return [OutputsCleared(self._cell_id, self.revision)]

    async def _begin_output(self) -> list[Event]:
        """What happens before another output: a clearing that waited, the end of a stream."""
        if self._clears_next:
            self._clears_next = False
            return self._clear()
        return await self._close_stream()

    def _overflow(self) -> list[Event]:
        """Say once that there are too many outputs."""
        if self._is_full:
            return []
        self._is_full = True
        text = f"[more than {self._limits.max_outputs} outputs: the others are left out]\n"
        note = StreamOutput(index=len(self._outputs), name=StreamName.STDERR, text=text)
        return [self._put(note)]

    def _has_room(self) -> bool:
        return len(self._outputs) < self._limits.max_outputs

    async def _printed(self, printed: Printed) -> list[Event]:
        text = clean(printed.text)
        if not text:
            return []
        stream = self._stream
        if stream is None or stream.name != printed.name or self._clears_next:
            return await self._begin_stream(printed.name, text)
        piece = stream.text.add(text)
        if not piece:
            return []
        offset = stream.length
        stream.length += len(piece)
        return [StreamDelta(self._cell_id, self.revision, stream.index, offset, piece)]

    async def _begin_stream(self, name: StreamName, text: str) -> list[Event]:
        events = await self._begin_output()
        if not self._has_room():
            return events + self._overflow()
        limits = self._limits
        bounded = BoundedText(shown=limits.max_output_length, kept=limits.max_kept_output)
        stream = _Stream(len(self._outputs), name, bounded)
        piece = bounded.add(text)
        stream.length = len(piece)
        self._stream = stream
        return [*events, self._put(StreamOutput(index=stream.index, name=name, text=piece))]

    async def _close_stream(self) -> list[Event]:
        stream, self._stream = self._stream, None
        if stream is None:
            return []
        output = StreamOutput(index=stream.index, name=stream.name, text=stream.text.text)
        if not stream.text.is_cut:
            self._put(output)  # nothing new: the deltas have told it
            return []
        blob = await self._store("text/plain", stream.text.data)
        return [self._put(replace(output, truncated=True, blob=blob))]

    async def _displayed(self, displayed: Displayed) -> list[Event]:
        events = await self._begin_output()
        if not self._has_room():
            return events + self._overflow()
        representations, is_cut = await self._represent(displayed.bundle)
        if not representations:
            return events
        output = DisplayOutput(
            index=len(self._outputs),
            representations=representations,
            display_id=displayed.display_id,
            truncated=is_cut,
        )
        return [*events, self._put(output)]

    async def _display_updated(self, updated: DisplayUpdated) -> list[Event]:
        """Replace what this cell showed under the ID; earlier cells stay as they were."""
        shown = [
            output
            for output in self._outputs
            if isinstance(output, DisplayOutput) and output.display_id == updated.display_id
        ]
        if not shown:
            return []
        representations, is_cut = await self._represent(updated.bundle)
        return [
            self._put(replace(output, representations=representations, truncated=is_cut))
            for output in shown
        ]

    async def _returned(self, returned: Returned) -> list[Event]:
        events = await self._begin_output()
        if not self._has_room():
            return events + self._overflow()
        representations, is_cut = await self._represent(returned.bundle)
        if not representations:
            return events
        output = ResultOutput(
            index=len(self._outputs),
            execution_count=returned.execution_count,
            representations=representations,
            truncated=is_cut,
        )
        return [*events, self._put(output)]

    async def _raised(self, raised: Raised) -> list[Event]:
        """Add the exception, also when there are too many outputs: it explains the cell's end."""
        events = await self._begin_output()
        if not self._has_room():
            events += self._overflow()
            if len(self._outputs) > self._limits.max_outputs + 1:
                return events
        length = self._limits.max_output_length
        lines = [clean(line) for line in raised.traceback]
        evalue = clean(raised.evalue)
        is_cut = sum(map(len, lines)) + len(evalue) > length
        blob = None
        if is_cut:
            kept = "\n".join(last_lines(lines, self._limits.max_kept_output)) or evalue
            blob = await self._store("text/plain", kept.encode())
        output = ErrorOutput(
            index=len(self._outputs),
            ename=clean(raised.ename)[:_MAX_NAME],
            evalue=evalue[: length // 4],
            traceback=last_lines(lines, length - length // 4) if is_cut else tuple(lines),
            truncated=is_cut,
            blob=blob,
        )
        return [*events, self._put(output)]

    async def _represent(
        self, bundle: Mapping[str, Any]
    ) -> tuple[tuple[Representation, ...], bool]:
        """A bundle's representations, and whether one of them was cut or left out."""
        representations: list[Representation] = []
        is_cut = False
        contents = read_bundle(bundle)
        for content in contents:
            representation = await self._keep(content)
            if representation is None:
                is_cut = True
                continue
            is_cut = is_cut or (content.is_text and representation.text is None)
            representations.append(representation)
        if contents and not representations:
            representations = [_too_large(contents[0])]
        return tuple(representations), is_cut

    async def _keep(self, content: Content) -> Representation | None:
        """A representation inline while it is small text, else in the store; None if too large."""
        size = len(content.data)
        if content.is_text and size <= _MAX_INLINE:
            text = content.data.decode()
            return Representation(media_type=content.media_type, byte_size=size, text=text)
        if size > self._limits.max_kept_output:
            return None
        blob = await self._store(content.media_type, content.data)
        if blob is None:
            return None
        return Representation(media_type=content.media_type, byte_size=size, blob=blob)

    async def _store(self, media_type: str, data: bytes) -> str | None:
        """Store bytes; None once the cell has stored as much as it may."""
        data = data if len(data) <= self._limits.max_kept_output else whole_characters(data)
        if self._stored + len(data) > self._limits.max_cell_output:
            return None
        self._stored += len(data)
        return await self._blobs.put(media_type, data)


def _too_large(content: Content) -> Representation:
    """What stands for a thing of which nothing could be kept."""
    text = f"[{content.media_type}, {len(content.data):,} bytes: too large to keep]"
    return Representation(media_type="text/plain", byte_size=len(text), text=text)
