"""Reading: the viewer, the server, and any object by its ID."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import strawberry

from pybot.context import Info
from pybot.errors import InvalidInput, NotFound
from pybot.resolvers.payload_errors import MAX_IDS
from pybot.schema import ids
from pybot.schema.cell import Cell
from pybot.schema.conversation import Conversation
from pybot.schema.kernel import Kernel
from pybot.schema.message import Message
from pybot.schema.model import Model
from pybot.schema.node import Node
from pybot.schema.output import output_from_record
from pybot.schema.run import Run
from pybot.schema.scope import scope_of
from pybot.schema.server import Server
from pybot.schema.viewer import Viewer


def viewer(info: Info) -> Viewer:
    """The viewer of the request."""
    return Viewer.from_record(info.context.viewer, info.context.services)


def server() -> Server:
    """This server."""
    return Server()


async def conversation(
    info: Info,
    id: Annotated[
        strawberry.ID, strawberry.argument(description="The global ID of the conversation.")
    ],
) -> Conversation | None:
    """A conversation of the viewer's, or None."""
    conversation_id = ids.decode_as("Conversation", id)
    if conversation_id is None:
        return None
    try:
        return await _conversation(info, conversation_id)
    except NotFound:
        return None


async def node(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The global ID.")],
) -> Node | None:
    """An object of any kind, or None."""
    return await _node(info, id)


async def nodes(
    info: Info,
    ids: Annotated[
        list[strawberry.ID], strawberry.argument(description="The global IDs, at most 100.")
    ],
) -> list[Node | None]:
    """Objects of any kind, each or None in its place; raises InvalidInput for too many."""
    if len(ids) > MAX_IDS:
        raise InvalidInput(f"At most {MAX_IDS} IDs at once.", ("ids",))
    return await asyncio.gather(*(_node(info, each) for each in ids))


async def _node(info: Info, global_id: str) -> Node | None:
    """An object of any kind; None for what is not there, or not the viewer's."""
    decoded = ids.decode(global_id)
    if decoded is None:
        return None
    kind, service_id = decoded
    try:
        return await _READERS[kind](info, service_id)
    except NotFound:
        return None


async def _viewer(info: Info, key: str) -> Viewer | None:
    return viewer(info) if key == info.context.viewer.key else None


async def _model(info: Info, name: str) -> Model | None:
    models = info.context.services.models
    return Model.named(name, models) if any(model.name == name for model in models) else None


async def _conversation(info: Info, conversation_id: str) -> Conversation:
    return await Conversation.load(scope_of(info, conversation_id))


async def _message(info: Info, message_id: str) -> Message:
    scope = scope_of(info, message_id)
    return Message.from_view(await scope.message(message_id), scope)


async def _run(info: Info, run_id: str) -> Run:
    scope = scope_of(info, run_id)
    return Run.from_record(await scope.run(run_id), scope)


async def _cell(info: Info, cell_id: str) -> Cell:
    scope = scope_of(info, cell_id)
    return Cell.from_record(await scope.cell(cell_id), scope)


async def _output(info: Info, output_id: str) -> Node:
    snapshot = await scope_of(info, output_id).snapshot.get()
    record = await info.context.services.messages.output(snapshot, output_id)
    return output_from_record(record, output_id.rpartition(".")[0])


async def _kernel(info: Info, conversation_id: str) -> Kernel | None:
    scope = scope_of(info, conversation_id)
    record = (await scope.snapshot.get()).kernel
    return Kernel.from_record(record, scope) if record else None


_READERS: dict[ids.Kind, Callable[[Info, str], Awaitable[Node | None]]] = {
    "Viewer": _viewer,
    "Model": _model,
    "Conversation": _conversation,
    "Message": _message,
    "Run": _run,
    "Cell": _cell,
    "Output": _output,
    "Kernel": _kernel,
}
