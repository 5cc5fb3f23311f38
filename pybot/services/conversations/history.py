"""Messages in LangChain's wire format: any LangChain program can read them.

One of our messages is several LangChain messages: a user's is a HumanMessage; an assistant's text
part is an AIMessage, a cell an AIMessage whose `tool_calls` has the code and a ToolMessage whose
`content` is what the model reads and whose `artifact` has the whole cell. Each names its message,
run and part in `additional_kwargs`. Entries never change.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
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
    messages_from_dict,
)
from msgspec import Struct

from pybot.services.records import (
    Branch,
    Cell,
    CellPart,
    ErrorPart,
    Message,
    Part,
    TextPart,
)
from pybot.services.store import keys
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
    """LangChain's history of a conversation's active path, over a connection of its own.

    It opens one when it is first used. `messages` gives the whole path. Reading page by page is
    `messages.Messages`' work, and writing that of the conversation's atomic writes.
    """

    def __init__(self, url: str, conversation_id: str) -> None:
        # Not calling super().__init__: it would connect at once.
        self._url = url
        self._conversation_id = conversation_id
        self.key_prefix = keys.HISTORY_PREFIX
        self.ttl = None

    @cached_property
    def redis_client(self) -> Any:  # type: ignore[override]  # an attribute upstream
        """The synchronous client that LangChain's own methods use."""
        return get_client(redis_url=self._url)

    @property
    def session_id(self) -> str:  # type: ignore[override]  # an attribute upstream
        """The session of the branch at the path's end: what LangChain adds comes there."""
        head = keys.conversation(self._conversation_id)
        branch = self.redis_client.hget(head, "branch")
        return keys.history_session(self._conversation_id, branch.decode())

    @property  # type: ignore[misc]  # upstream's has a setter, which raises
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]
        """The messages of the active path, oldest first."""
        found: list[BaseMessage] = []
        for entries in self._branches():
            found[:0] = messages_from_dict([json.loads(entry) for entry in reversed(entries)])
        return found

    def _branches(self) -> Iterator[list[bytes]]:
        """What of each branch belongs to the path, from its end to its start, newest first."""
        head = keys.conversation(self._conversation_id)
        branch, length = self.redis_client.hmget(head, ["branch", "length"])
        name, stop = branch.decode(), int(length)
        while True:
            record = self.redis_client.hget(keys.branches(self._conversation_id), name)
            fork = msgspec.json.decode(record, type=Branch) if record else None
            index = keys.index(self._conversation_id, name)
            position = stop - (fork.fork if fork else 0)
            beyond = self.redis_client.zrange(index, position, position)
            offset = self._offset(beyond[0]) if beyond else None
            if offset == 0:
                yield []  # what follows begins with the branch's first entry
            else:
                key = keys.history(self._conversation_id, name)
                yield self.redis_client.lrange(key, -(offset or 0), -1)
            if fork is None:
                return
            name, stop = fork.parent, min(stop, fork.fork)

    def _offset(self, message_id: bytes) -> int:
        """How many entries of its branch precede those of a message."""
        stored = self.redis_client.hget(keys.messages(self._conversation_id), message_id)
        return msgspec.json.decode(stored, type=Message).offset


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

    None for the asking half of a cell and for what another program wrote.
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
