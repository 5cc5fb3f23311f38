"""Conversations and runs as redis-om stores them, in Redis hashes.

They are created and read with redis-om; changes are field-level HSETs in a write (redis-om saves
whole records, so two writers would undo each other and an update could revive what was deleted).
Fields are text and whole numbers, which mean the same to redis-om and to a script.
The classes are made in a factory with a client of their own, so that two apps can live in one
process.

This is also the one place that overrides parts of redis-om (1.2): `make_primary_key`, so that a run
has its key beside its conversation's; and the patterns and prefixes in `Meta`. A change is noticed
by `tests/wire/test_storage.py`.
"""

from typing import Any

import msgspec
from aredis_om import HashModel

from pybot.services.records import (
    Conversation,
    Run,
    RunError,
    RunPhase,
    RunStatus,
    TokenUsage,
    conversation_of,
)
from pybot.services.store.client import connect
from pybot.services.store.write import Word
from pybot.services.values.instants import instant, milliseconds


class ConversationHash(HashModel):
    """A conversation's metadata as it is stored; "" and 0 stand for None."""

    owner: str
    title: str
    # "user" or "model"; "" while the title is a placeholder.
    titled_by: str = ""
    pinned: int = 0
    archived: int = 0
    model: str
    instructions: str = ""
    created_at: int
    updated_at: int
    branch: str = "0"
    length: int = 0
    # How many branches there are; the next one gets this number as its name.
    branches: int = 1
    active_run: str = ""
    # The generation of the newest kernel.
    kernel_generation: int = 0
    # Raised by each change of what `record` gives.
    version: int = 0
    # The number of the newest event in the log.
    seq: int = 0
    # Milliseconds since the epoch; the hash is a tombstone then.
    deleted_at: int = 0

    class Meta:
        """Where redis-om puts it: `pybot:conversation:{id}`."""

        global_key_prefix = "pybot"
        model_key_prefix = "conversation"
        primary_key_pattern = "{{{pk}}}"

    def record(self) -> Conversation:
        """The record that services use."""
        return Conversation(
            id=str(self.pk),
            owner=self.owner,
            title=self.title,
            pinned=bool(self.pinned),
            archived=bool(self.archived),
            model=self.model,
            instructions=self.instructions,
            created_at=instant(self.created_at),
            updated_at=instant(self.updated_at),
            branch=self.branch,
            length=self.length,
            active_run_id=self.active_run or None,
        )


class RunHash(HashModel):
    """A run as it is stored; `pk` is the run's complete ID, `error` and `usage` are JSON."""

    message_id: str
    status: str
    model: str = ""
    phase: str = ""
    error: str = ""
    usage: str = ""
    attempt: int = 0
    first_seq: int = 0
    # 1 once the user has cancelled it; its worker ends it then.
    cancelled: int = 0
    # While suspended: when its time limit ends, in ms since the epoch; else 0.
    suspended_until: int = 0
    # The Decision that ended the newest suspension, as JSON.
    decision: str = ""
    # Milliseconds that workers spent on it before the newest suspension.
    worked: int = 0
    # Tokens that the model wrote before the newest suspension, of the most in one answer.
    written: int = 0
    created_at: int
    completed_at: int = 0

    class Meta:
        """Where redis-om puts it: `pybot:run:{conversation}:run`."""

        global_key_prefix = "pybot"
        model_key_prefix = "run"

    @classmethod
    def make_primary_key(cls, pk: Any) -> str:
        """The key of a run lies beside its conversation's."""
        key: str = cls.make_key(f"{{{conversation_of(pk)}}}:{str(pk).rpartition('.')[2]}")
        return key

    def record(self) -> Run:
        """The record that services use."""
        return Run(
            id=str(self.pk),
            message_id=self.message_id,
            status=RunStatus(self.status),
            model=self.model,
            phase=RunPhase(self.phase) if self.phase else None,
            error=msgspec.json.decode(self.error, type=RunError) if self.error else None,
            usage=msgspec.json.decode(self.usage, type=TokenUsage) if self.usage else None,
            attempt=self.attempt,
            first_seq=self.first_seq,
            created_at=instant(self.created_at),
            completed_at=instant(self.completed_at) if self.completed_at else None,
        )


def run_fields(run: Run) -> list[Word]:
    """The fields of a run that change, as alternating fields and values for HSET."""
    return [
        "status",
        run.status,
        "phase",
        run.phase or "",
        "error",
        msgspec.json.encode(run.error) if run.error else "",
        "usage",
        msgspec.json.encode(run.usage) if run.usage else "",
        "attempt",
        run.attempt,
        "completed_at",
        milliseconds(run.completed_at) if run.completed_at else 0,
    ]


def new_fields(new: HashModel) -> list[Word]:
    """A new hash as alternating fields and values for HSET, as redis-om would save it."""
    fields: list[Word] = []
    for name, value in new.model_dump().items():
        fields += [name, value]
    return fields


class Hashes:
    """The hash classes of one Redis."""

    def __init__(self, url: str) -> None:
        client = connect(url, decode=True)
        self._client = client

        # redis-om gives keys to "indexed" classes alone; it makes no index unless asked to migrate.
        class StoredConversation(ConversationHash, index=True):
            class Meta(ConversationHash.Meta):
                database = client

        class StoredRun(RunHash, index=True):
            class Meta(RunHash.Meta):
                database = client

        self.conversation: type[ConversationHash] = StoredConversation
        self.run: type[RunHash] = StoredRun

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
