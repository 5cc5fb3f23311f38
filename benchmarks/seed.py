"""Many conversations and long ones, put where Pybot keeps them, faster than by sending messages."""

from collections.abc import Iterator
from typing import Any

import msgspec

from pybot.services.conversations.history import part_entries, push_command, user_entry
from pybot.services.records import Message, MessageRole, MessageStatus, TextPart, Viewer
from pybot.services.store import keys
from pybot.services.store.client import Client
from pybot.services.values.instants import now

BATCH = 1000


async def copies(client: Client, username: str, conversation_id: str, count: int) -> None:
    """Copy what the list shows of a conversation, so that its owner has `count` of them."""
    original = await client.hgetall(keys.conversation(conversation_id))
    viewer_list = keys.viewer_conversations(Viewer(username=username).key)
    updated = int(original[b"updated_at"])
    for start in range(1, count, BATCH):
        async with client.pipeline(transaction=False) as pipeline:
            for number in range(start, min(start + BATCH, count)):
                copy_id, when = f"{conversation_id}x{number}", updated - number
                fields = {**original, b"pk": copy_id, b"updated_at": when}
                words = [word for field in fields.items() for word in field]
                pipeline.hset(keys.conversation(copy_id), items=words)
                pipeline.zadd(viewer_list, {copy_id: when * 1000})
            await pipeline.execute()


async def history(client: Client, conversation_id: str, count: int) -> None:
    """Put messages behind those of a conversation until it has `count`."""
    index = keys.index(conversation_id, "0")
    length = await client.llen(keys.history(conversation_id, "0"))
    missing = count - await client.zcard(index)
    newest: Any = await client.zrange(index, -1, -1)
    last = newest[0].decode()
    made = list(_messages(conversation_id, last, count - missing, length, missing))
    for start in range(0, missing, BATCH):
        async with client.pipeline(transaction=False) as pipeline:
            for position, message in enumerate(made[start : start + BATCH], length + start):
                entries = [user_entry(message.id, _text(position))]
                if message.role is MessageRole.ASSISTANT:
                    part = TextPart(index=0, text=_text(position), revision=0)
                    entries = part_entries(message.id, f"{conversation_id}.seed", part)
                encoded = msgspec.json.encode(message)
                pipeline.execute_command(*push_command(keys.history(conversation_id, "0"), entries))
                pipeline.hset(keys.messages(conversation_id), message.id, encoded)
                pipeline.zadd(index, {message.id: message.position})
                versions = keys.versions(conversation_id, message.parent_id or "")
                pipeline.zadd(versions, {message.id: 0})
            await pipeline.execute()
    await client.hset(keys.conversation(conversation_id), "length", count)


def _messages(
    conversation_id: str, last: str, position: int, offset: int, count: int
) -> Iterator[Message]:
    """So many messages behind the last one, from a position and an entry on."""
    parent = last
    for number in range(count):
        role = MessageRole.ASSISTANT if number % 2 else MessageRole.USER
        made = Message(
            id=f"{conversation_id}.seed{number}",
            position=position + number,
            offset=offset + number,
            role=role,
            status=MessageStatus.COMPLETED,
            parent_id=parent,
            created_at=now(),
            completed_at=now(),
        )
        parent = made.id
        yield made


def _text(number: int) -> str:
    return f"What was said at {number}: " + "some words of it, " * 20
