"""What a client shows, folded from events as docs/events.md says; a gap or a double fails."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.client import EVENTS

# As a client that takes part in redone messages must ask.
FULL_EVENTS = EVENTS.replace(
    "message { id role status createdAt completedAt }",
    "message { id role status createdAt completedAt parts { ...PartFields } }",
)

Record = dict[str, Any]


@dataclass
class View:
    """The parts of one message."""

    message_id: str
    status: str = ""
    parts: dict[int, Record] = field(default_factory=dict[int, Record])

    def apply(self, event: Record) -> None:
        """Take the next event."""
        match event["__typename"]:
            case "MessageChangedEvent" if event["message"]["id"] == self.message_id:
                self.status = event["message"]["status"]
                kept = {part["index"] for part in event["message"]["parts"]}
                self.parts = {at: part for at, part in self.parts.items() if at in kept}
            case "TextDeltaEvent" if event["messageId"] == self.message_id:
                self._text(event)
            case "CellChangedEvent" if event["messageId"] == self.message_id:
                self._cell(event["partIndex"], event["cell"])
            case "CodeDeltaEvent":
                cell = self._of(event)
                if cell is not None:
                    _grow(cell, "source", event)
            case "OutputChangedEvent":
                cell = self._of(event)
                if cell is not None:
                    cell["outputs"][event["output"]["index"]] = dict(event["output"])
            case "StreamDeltaEvent":
                cell = self._of(event)
                if cell is not None:
                    _grow(cell["outputs"][event["outputIndex"]], "text", event)
            case _:
                pass

    def shown(self) -> list[Record]:
        """The parts in order, in the form of `shown_of`."""
        return [_shown(self.parts[at]) for at in sorted(self.parts)]

    def _text(self, event: Record) -> None:
        part = self.parts.get(event["partIndex"])
        if part is None or part["revision"] < event["revision"]:
            part = {"revision": event["revision"], "text": ""}
            self.parts[event["partIndex"]] = part
        if part["revision"] == event["revision"]:
            _grow(part, "text", event)

    def _cell(self, index: int, cell: Record) -> None:
        part = self.parts.get(index)
        if part is not None and part["revision"] > cell["revision"]:
            return
        same = part is not None and part["revision"] == cell["revision"]
        outputs: Record = part["outputs"] if part is not None and same else {}
        self.parts[index] = {**cell, "outputs": outputs}

    def _of(self, event: Record) -> Record | None:
        """The cell of an event, unless the event is of an older revision."""
        for part in self.parts.values():
            if part.get("id") == event["cellId"] and part["revision"] == event["revision"]:
                return part
        return None


def view_of(message_id: str, events: Sequence[Record]) -> list[Record]:
    """What a client shows of a message after these events."""
    view = View(message_id)
    for event in events:
        view.apply(event)
    return view.shown()


def shown_of(message: Record) -> list[Record]:
    """What a client shows of a message that it has queried."""
    parts = [part for part in message["parts"] if part["__typename"] != "ErrorPart"]
    flat = [{**part, **part.get("cell", {})} for part in parts]
    return [
        _shown({**part, "outputs": {out["index"]: out for out in part.get("outputs", ())}})
        for part in flat
    ]


def _shown(part: Record) -> Record:
    if "source" not in part:
        return {"text": part["text"]}
    outputs = [part["outputs"][at] for at in sorted(part["outputs"])]
    outputs = [
        {key: output.get(key) for key in ("__typename", "name", "text", "evalue")}
        for output in outputs
    ]
    return {"source": part["source"], "status": part["status"], "outputs": outputs}


def _grow(record: Record, name: str, event: Record) -> None:
    assert event["offset"] == len(record[name]), f"a gap or a double in {name}: {event}"
    record[name] += event["text"]
