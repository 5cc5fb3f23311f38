"""LangChain's RedisChatMessageHistory (langchain-community 0.4), made to read a tree of branches.

It overrides `redis_client`, `session_id` and `messages`, attributes upstream, and does not call its
constructor, which would connect at once. `tests/wire/test_tree.py` notices a change.
"""

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec
from langchain_community.chat_message_histories import RedisChatMessageHistory
from langchain_community.utilities.redis import get_client
from langchain_core.messages import BaseMessage, messages_from_dict

from pybot.services.records import Branch, Message
from pybot.services.store import keys


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
