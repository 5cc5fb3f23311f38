"""A recorder of outputs with what it said, folded as every reader of the log does."""

from pybot.config import LimitSettings
from pybot.services.agent.output_recorder import OutputRecorder
from pybot.services.kernels.base import (
    Displayed,
    Printed,
    Reaction,
)
from pybot.services.records import (
    Cell,
    CellStatus,
    Output,
    Representation,
    StreamName,
    StreamOutput,
)
from pybot.services.records.events import (
    CellChanged,
    Event,
)
from pybot.services.records.fold import Fold
from tests.services.agent.fakes import FakeBlobs

CELL = Cell(id="c.m.0", run_id="c.r", source="", status=CellStatus.RUNNING)


LIMITS = LimitSettings(
    max_output_length=256, max_kept_output=1024, max_outputs=4, max_cell_output=100_000
)


NOTE = "[The code puts out too much: what follows is left out.]\n"


class Recording:
    """A recorder with what it said, folded as a reader of the log does."""

    def __init__(self, limits: LimitSettings = LIMITS) -> None:
        self.blobs = FakeBlobs()
        self.recorder = OutputRecorder(CELL.id, 0, blobs=self.blobs, limits=limits)
        self.events: list[Event] = []
        self.fold = Fold()
        self.fold.apply(CellChanged(CELL))

    async def take(self, *reactions: Reaction) -> None:
        for reaction in reactions:
            self.publish(await self.recorder.take(reaction))

    def publish(self, events: list[Event]) -> None:
        self.events += events
        for event in events:
            self.fold.apply(event)

    async def end(self) -> tuple[Output, ...]:
        self.publish(await self.recorder.end())
        cell = self.fold.cell(CELL.id)
        assert cell is not None
        assert cell.outputs == self.recorder.outputs
        assert cell.revision == self.recorder.revision
        assert [output.index for output in cell.outputs] == list(range(len(cell.outputs)))
        return cell.outputs


async def record(*reactions: Reaction, limits: LimitSettings = LIMITS) -> tuple[Output, ...]:
    recording = Recording(limits)
    await recording.take(*reactions)
    return await recording.end()


def out(text: str) -> Printed:
    return Printed(StreamName.STDOUT, text)


def err(text: str) -> Printed:
    return Printed(StreamName.STDERR, text)


def shown(text: str, display_id: str | None = None) -> Displayed:
    return Displayed({"text/plain": text}, display_id)


def stream(index: int, text: str, name: StreamName = StreamName.STDOUT) -> StreamOutput:
    return StreamOutput(index=index, name=name, text=text)


def plain(text: str) -> tuple[Representation, ...]:
    return (Representation(media_type="text/plain", byte_size=len(text.encode()), text=text),)
