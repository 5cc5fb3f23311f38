"""The names of everything in Redis.

All keys of one conversation share the hash tag `{conversation}` and can change in one script;
those of one viewer share `{viewer key}`. User names never appear: they are hashed.
"""

from pybot.services.records import conversation_of

# String: the version of the form that the data has.
DATA_VERSION = "pybot:version"

# String: held by the process that upgrades the data.
UPGRADING = "pybot:upgrading"

# Unfinished runs of everyone, by the instant from which repair looks after them: when they were
# asked for, or when patience with a suspended one ends.
UNFINISHED_RUNS = "pybot:runs"

# Sorted set: ID of a run that waits for a worker → when it was put there, in milliseconds.
QUEUE = "pybot:queue"

# Conversations of which something outside of them is to be written yet (their place in the list)
# or removed (everything, once they are deleted), by the instant it began; repair reads it.
UNFINISHED_CONVERSATIONS = "pybot:conversations"


def conversation(conversation_id: str) -> str:
    """Hash: the metadata (redis-om), and `seq`, the number of the newest event."""
    return f"pybot:conversation:{{{conversation_id}}}"


def log(conversation_id: str) -> str:
    """Stream: everything that happened in the conversation."""
    return f"pybot:log:{{{conversation_id}}}"


def run(run_id: str) -> str:
    """Hash: a run (redis-om)."""
    return f"pybot:run:{{{conversation_of(run_id)}}}:{run_id.rpartition('.')[2]}"


def lease(run_id: str) -> str:
    """String: who works on a run; it expires when nobody renews it."""
    return f"pybot:lease:{{{conversation_of(run_id)}}}:{run_id.rpartition('.')[2]}"


def queue_wake(worker: str) -> str:
    """Sorted set: ends one worker's wait for a run."""
    return f"pybot:queue:wake:{worker}"


def messages(conversation_id: str) -> str:
    """Hash: message ID → the message without its parts, as JSON."""
    return f"pybot:messages:{{{conversation_id}}}"


def branches(conversation_id: str) -> str:
    """Hash: branch → where it leaves its parent, as JSON; the first branch, "0", has none."""
    return f"pybot:branches:{{{conversation_id}}}"


HISTORY_PREFIX = "pybot:history:"


def history_session(conversation_id: str, branch: str) -> str:
    """The session ID under which LangChain's RedisChatMessageHistory finds a branch."""
    return f"{{{conversation_id}}}:{branch}"


def history(conversation_id: str, branch: str) -> str:
    """List: LangChain messages of one branch, newest first."""
    return HISTORY_PREFIX + history_session(conversation_id, branch)


def index(conversation_id: str, branch: str) -> str:
    """Sorted set: the branch's messages, by their position on the path."""
    return f"pybot:index:{{{conversation_id}}}:{branch}"


def versions(conversation_id: str, parent_id: str) -> str:
    """Sorted set: the messages that follow one parent ("" for none), by their first event."""
    return f"pybot:versions:{{{conversation_id}}}:{parent_id}"


def requests(conversation_id: str) -> str:
    """Hash: token → digest of each request with an idempotency key that was carried out."""
    return f"pybot:requests:{{{conversation_id}}}"


def kernel(conversation_id: str) -> str:
    """String: the conversation's kernel, as JSON."""
    return f"pybot:kernel:{{{conversation_id}}}"


def blob(conversation_id: str, digest: str) -> str:
    """Hash: `type` and `data` of something too large or too binary for the history."""
    return f"pybot:blob:{{{conversation_id}}}:{digest}"


def blobs(conversation_id: str) -> str:
    """Set: the digests of the conversation's blobs."""
    return f"pybot:blobs:{{{conversation_id}}}"


def viewer(viewer_key: str) -> str:
    """Hash: `seq` of the viewer's log."""
    return f"pybot:viewer:{{{viewer_key}}}"


def viewer_log(viewer_key: str) -> str:
    """Stream: what a list of conversations needs."""
    return f"pybot:viewer:{{{viewer_key}}}:log"


def viewer_conversations(viewer_key: str) -> str:
    """Sorted set: conversation ID → when it was last updated, in µs, no two at the same.

    Pinned ones have `write.UPPER` more.
    """
    return f"pybot:viewer:{{{viewer_key}}}:conversations"


def viewer_runs(viewer_key: str) -> str:
    """Sorted set: unfinished run ID → when it was asked for, in milliseconds."""
    return f"pybot:viewer:{{{viewer_key}}}:runs"


def viewer_waiting(viewer_key: str) -> str:
    """Sorted set: ID of a suspended run → when it was suspended or asked for, in milliseconds."""
    return f"pybot:viewer:{{{viewer_key}}}:waiting"


def viewer_usage(viewer_key: str) -> str:
    """Sorted set: what each ended run used, as JSON → when it ended, in milliseconds."""
    return f"pybot:viewer:{{{viewer_key}}}:usage"


def viewer_kernels(viewer_key: str) -> str:
    """Sorted set: conversation ID → when its kernel was last needed, in milliseconds.

    It has all conversations whose kernel is alive, and may have others.
    """
    return f"pybot:viewer:{{{viewer_key}}}:kernels"
