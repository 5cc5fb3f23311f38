"""Turns the reactions of a kernel into bounded outputs, and the events that publish them."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from pybot.config import LimitSettings
from pybot.services.agent.bounded import BoundedText, last_lines
from pybot.services.agent.bundles import clean
from pybot.services.agent.output_store import OutputStore, Represented
from pybot.services.agent.ports import BlobStore
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
    ResultOutput,
    StreamName,
    StreamOutput,
)
from pybot.services.records.events import Event, OutputChanged, OutputsCleared, StreamDelta

_MAX_NAME = 256  # characters of an exception's name; code can make it any length
# Bytes that an event counts beside its text: code that prints and clears for ever must end too.
_EVENT_COST = 256


class _Stream(Struct, frozen=True):
    """A stream output that still grows."""

    index: int
    name: StreamName
    text: BoundedText


class OutputRecorder:
    """Takes a kernel's reactions in order; gives events, and at the end the outputs.

    `outputs` are those that an earlier attempt published.
    """

    def __init__(
        self,
        cell_id: str,
        revision: int,
        *,
        blobs: BlobStore,
        limits: LimitSettings,
        outputs: Sequence[Output] = (),
    ) -> None:
        self.revision = revision
        self._cell_id = cell_id
        self._store = OutputStore(blobs, limits)
        self._limits = limits
        self._outputs: list[Output] = list(outputs)
        self._stream: _Stream | None = None
        self._clears_next = False
        self._is_full = False
        self._has_error = False

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs; complete once `end` was called."""
        return tuple(self._outputs)

    async def take(self, reaction: Reaction) -> list[Event]:
        """The events that a reaction makes."""
        match reaction:
            case Printed():
                return await self._printed(reaction)
            case Displayed() | Returned():
                return await self._show(reaction)
            case DisplayUpdated():
                return await self._display_updated(reaction)
            case Raised():
                return await self._raised(reaction)
            case Cleared() if not self._store.is_spent:
                self._clears_next = reaction.wait
                return [] if reaction.wait else self._clear()
            case _:
                return []

    async def note(self, name: str, text: str) -> list[Event]:
        """Add an error of Pybot's own, for the user and the model: why the cell was stopped."""
        events = await self._close_stream()
        index = len(self._outputs)
        note = ErrorOutput(index=index, ename=name, evalue=text, traceback=(f"{name}: {text}",))
        return [*events, self._put(note)]

    async def end(self) -> list[Event]:
        """Close what still grows: nothing more comes."""
        return await self._close_stream()

    def _put(self, output: Output) -> Event:
        """Add an output, or replace the one at its index."""
        self._store.spend(_EVENT_COST)
        if output.index == len(self._outputs):
            self._outputs.append(output)
        else:
            self._outputs[output.index] = output
        return OutputChanged(self._cell_id, self.revision, output)

    def _clear(self) -> list[Event]:
        self._stream, self._is_full = None, False
        if not self._outputs:
            return []
        self._store.spend(_EVENT_COST)
        self._outputs.clear()
        self.revision += 1
        return [OutputsCleared(self._cell_id, self.revision)]

    async def _begin_output(self) -> list[Event]:
        """Before a new output: clear where `clear_output(wait=True)` asked for it, end a stream."""
        if self._clears_next and not self._store.is_spent:
            self._clears_next = False
            return self._clear()
        return await self._close_stream()

    def _overflow(self) -> list[Event]:
        """Add a text, once, that says that outputs are left out."""
        if self._is_full:
            return []
        self._is_full = True
        text = "[The code puts out too much: what follows is left out.]\n"
        note = StreamOutput(index=len(self._outputs), name=StreamName.STDERR, text=text)
        return [self._put(note)]

    def _has_room(self) -> bool:
        return len(self._outputs) < self._limits.max_outputs and not self._store.is_spent

    async def _printed(self, printed: Printed) -> list[Event]:
        stream = self._stream
        if stream is None or stream.name != printed.name or self._clears_next:
            return await self._begin_stream(printed)
        if stream.text.is_full:
            return []
        if self._store.is_spent:
            stream.text.show_no_more()
        offset = stream.text.length
        piece = stream.text.add(clean(printed.text))
        self._store.spend(len(piece))
        if not piece:
            return []
        return [StreamDelta(self._cell_id, self.revision, stream.index, offset, piece)]

    async def _begin_stream(self, printed: Printed) -> list[Event]:
        if not printed.text:
            return []
        events = await self._begin_output()
        if not self._has_room():
            return events + self._overflow()
        limits = self._limits
        text = BoundedText(shown=limits.max_output_length, stored=limits.max_kept_output)
        piece = text.add(clean(printed.text))
        self._store.spend(len(piece))
        self._stream = _Stream(len(self._outputs), printed.name, text)
        output = StreamOutput(index=self._stream.index, name=printed.name, text=piece)
        return [*events, self._put(output)]

    async def _close_stream(self) -> list[Event]:
        stream, self._stream = self._stream, None
        if stream is None:
            return []
        output = StreamOutput(index=stream.index, name=stream.name, text=stream.text.text)
        if not stream.text.is_cut:
            self._put(output)  # no event: the deltas have published all of it
            return []
        blob = await self._store.store("text/plain", stream.text.data)
        return [self._put(replace(output, truncated=True, blob=blob))]

    async def _show(self, shown: Displayed | Returned) -> list[Event]:
        """Add what a bundle shows, if it shows anything."""
        events = await self._begin_output()
        if not self._has_room():
            return events + self._overflow()
        stored = await self._store.represent(shown.bundle, shown.sizes)
        if not stored.representations:
            return events
        return [*events, self._put(_output_of(shown, stored, len(self._outputs)))]

    async def _display_updated(self, updated: DisplayUpdated) -> list[Event]:
        """Replace what this cell showed under the ID; earlier cells stay as they were."""
        shown = [
            output
            for output in self._outputs
            if isinstance(output, DisplayOutput) and output.display_id == updated.display_id
        ]
        if not shown or self._store.is_spent:
            return []
        new = await self._store.represent(updated.bundle, updated.sizes)
        return [
            self._put(replace(output, representations=new.representations, truncated=new.is_cut))
            for output in shown
        ]

    async def _raised(self, raised: Raised) -> list[Event]:
        """Add the exception, also when there are too many outputs: it explains the cell's end."""
        events = await self._begin_output()
        if not self._has_room():
            if self._has_error:
                return events
            events += self._overflow()
        self._has_error = True
        return [*events, self._put(await self._error(raised))]

    async def _error(self, raised: Raised) -> ErrorOutput:
        """An exception; when it is too long, the end of its traceback is shown."""
        error = ErrorOutput(
            index=len(self._outputs),
            ename=clean(raised.ename)[:_MAX_NAME],
            evalue=clean(raised.evalue),
            traceback=tuple(clean(line) for line in raised.traceback),
        )
        length = self._limits.max_output_length
        if len(error.evalue) + sum(map(len, error.traceback)) <= length:
            return error
        complete = "\n".join(error.traceback) or error.evalue
        return replace(
            error,
            evalue=error.evalue[: length // 4],
            traceback=last_lines(error.traceback, length - length // 4),
            truncated=True,
            blob=await self._store.store("text/plain", complete.encode()),
        )


def _output_of(shown: Displayed | Returned, stored: Represented, index: int) -> Output:
    if isinstance(shown, Displayed):
        return DisplayOutput(
            index=index,
            representations=stored.representations,
            display_id=shown.display_id,
            truncated=stored.is_cut,
        )
    return ResultOutput(
        index=index,
        execution_count=shown.execution_count,
        representations=stored.representations,
        truncated=stored.is_cut,
    )
