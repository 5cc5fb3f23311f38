"""IDs are hierarchical: an ID alone leads to the conversation whose owner is asked for.

They are `conversation` (32 hex digits), `conversation.run`, `conversation.message`,
`conversation.message.part` (a cell) and `conversation.message.part.output`."""

from uuid import uuid4


def new_id(*parents: str) -> str:
    """A new ID below `parents`."""
    return ".".join((*parents, uuid4().hex))


def conversation_of(object_id: str) -> str:
    """The ID of the conversation that an ID of a run, message, cell or output lies in."""
    return object_id.partition(".")[0]
