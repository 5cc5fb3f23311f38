"""Messages in LangChain's wire format: any LangChain program can read them.

One of our messages is several LangChain messages: a user's is a HumanMessage; an assistant's text
part is an AIMessage, a cell an AIMessage whose `tool_calls` has the code and a ToolMessage whose
`content` is what the model reads and whose `artifact` has the whole cell. Each names its message,
run and part in `additional_kwargs`. Entries never change.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    message_to_dict,
)
from msgspec import Struct

from pybot.services.records import (
    Cell,
    CellPart,
    ErrorPart,
    Part,
    TextPart,
)
from pybot.services.store.write import Word

TOOL = "python"


class _Data(Struct):
    content: Any = ""
    additional_kwargs: dict[str, Any] = {}
    artifact: Any = None


class _Entry(Struct):
    type: str
    data: _Data


_decoder = msgspec.json.Decoder(_Entry)


def user_entry(message_id: str, text: str) -> bytes:
    """A user's text as it is stored."""
    origin = {"message_id": message_id, "part_index": 0}
    return _encoded(HumanMessage(content=text, id=message_id, additional_kwargs=origin))


def part_entries(message_id: str, run_id: str, part: Part, seen: str = "") -> list[bytes]:
    """An assistant's part as it is stored; `seen` is what the model reads of a cell's outputs."""
    origin = {"message_id": message_id, "run_id": run_id, "part_index": part.index}
    match part:
        case TextPart():
            origin |= {"revision": part.revision, "reasoning": part.reasoning}
            return [_encoded(AIMessage(content=part.text, additional_kwargs=origin))]
        case CellPart(cell=cell):
            call = {"name": TOOL, "args": {"code": cell.source}, "id": cell.id}
            asked = AIMessage(content="", tool_calls=[call], additional_kwargs=origin)
            answered = ToolMessage(
                content=seen,
                tool_call_id=cell.id,
                artifact=msgspec.to_builtins(cell),
                additional_kwargs=origin,
            )
            return [_encoded(asked), _encoded(answered)]
        case ErrorPart():
            return []


def push_command(key: str, entries: Iterable[bytes]) -> Sequence[Word]:
    """The Redis command that appends entries, oldest first, as LangChain's class does."""
    return ("LPUSH", key, *entries)


def decode_entry(entry: bytes) -> list[tuple[str, Part]]:
    """The message ID and the part that a stored entry has.

    Nothing for the `tool_calls` of a cell, and for what another program wrote.
    """
    stored = _decoder.decode(entry)
    data, origin = stored.data, stored.data.additional_kwargs
    if "message_id" not in origin or not isinstance(data.content, str):
        return []
    index = origin.get("part_index", 0)
    part: Part
    match stored.type:
        case "tool":
            part = CellPart(index=index, cell=msgspec.convert(data.artifact, Cell))
        case "human":
            part = TextPart(index=index, text=data.content)
        case _ if data.content:
            part = TextPart(
                index=index,
                text=data.content,
                revision=origin["revision"],
                reasoning=origin["reasoning"],
            )
        case _:
            return []
    return [(origin["message_id"], part)]


def _encoded(message: BaseMessage) -> bytes:
    return msgspec.json.encode(message_to_dict(message))
