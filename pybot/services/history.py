"""The messages of one path, in LangChain's wire format: any LangChain program can read them.

One of our messages is several LangChain messages: a user's is a HumanMessage; an assistant's text
part is an AIMessage, a cell an AIMessage whose `tool_calls` has the code and a ToolMessage whose
`content` is what the model reads and whose `artifact` has the whole cell. Each names its message,
run and part in `additional_kwargs`. Entries never change.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import msgspec
from langchain_community.chat_message_histories import RedisChatMessageHistory
from langchain_community.utilities.redis import get_client
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    message_to_dict,
)
from msgspec import Struct

from pybot.services.records import Cell, CellPart, ErrorPart, Message, Part, TextPart
from pybot.services.store import keys
from pybot.services.store.connection import Client
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


class ConversationHistory(RedisChatMessageHistory):
    """LangChain's history of one path, with asynchronous, paged reads.

    What LangChain's class offers works as ever, over a connection of its own that is opened when
    it is first used; writing goes through the conversation's atomic writes (`encoded`).
    """

    def __init__(self, client: Client, url: str, conversation_id: str, path: str) -> None:
        # Not calling super().__init__: it would connect at once.
        self._client = client
        self._url = url
        self.session_id = keys.history_session(conversation_id, path)
        self.key_prefix = keys.HISTORY_PREFIX
        self.ttl = None

    @cached_property
    def redis_client(self) -> Any:  # type: ignore[override]  # an attribute upstream
        """The synchronous client that LangChain's own methods use."""
        return get_client(redis_url=self._url)

    async def parts(self, start: int, end: int | None) -> list[Part]:
        """The parts in the entries from `start` up to `end` (the newest when None), oldest first.

        Entries count from 0 at the oldest; the list is stored newest first.
        """
        return [part for _, part in await self._parts(start, end)]

    async def parts_by_message(self, start: int, end: int | None) -> dict[str, list[Part]]:
        """The same, by the message they belong to."""
        result: dict[str, list[Part]] = {}
        for message_id, part in await self._parts(start, end):
            result.setdefault(message_id, []).append(part)
        return result

    async def _parts(self, start: int, end: int | None) -> list[tuple[str, Part]]:
        if end is not None and end <= start:
            return []
        first = 0 if end is None else -end
        stored: Any = await self._client.lrange(self.key, first, -(start + 1))
        return [part for entry in reversed(stored) for part in decoded(entry)]

    async def length(self) -> int:
        """How many entries there are."""
        return await self._client.llen(self.key)


def user_entry(message: Message) -> bytes:
    """A user's message as it is stored."""
    return _encoded(
        HumanMessage(
            content=message.text, id=message.id, additional_kwargs={"message_id": message.id}
        )
    )


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


def pushed(key: str, entries: Iterable[bytes]) -> Sequence[Word]:
    """The command that adds entries, oldest first, as LangChain's class would one by one."""
    return ("LPUSH", key, *entries)


def decoded(entry: bytes) -> list[tuple[str, Part]]:
    """The message and part that a stored entry has.

    None for a user's text, for the asking half of a cell and for what another program wrote.
    """
    stored = _decoder.decode(entry)
    origin = stored.data.additional_kwargs
    if "part_index" not in origin:
        return []
    part: Part
    if stored.type == "tool":
        cell = msgspec.convert(stored.data.artifact, Cell)
        part = CellPart(index=origin["part_index"], cell=cell)
    elif stored.data.content:
        part = TextPart(
            index=origin["part_index"],
            text=stored.data.content,
            revision=origin["revision"],
            reasoning=origin["reasoning"],
        )
    else:
        return []
    return [(origin["message_id"], part)]


def _encoded(message: BaseMessage) -> bytes:
    return msgspec.json.encode(message_to_dict(message))
