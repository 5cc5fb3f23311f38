"""The schema: one line a field, and the types that no field names."""

from collections.abc import AsyncGenerator

import strawberry
from strawberry.schema.config import StrawberryConfig

from pybot.endpoint.limits import QueryLimits
from pybot.endpoint.schema import HardenedSchema
from pybot.resolvers import conversations, events, kernels, messages, objects
from pybot.schema import errors, event, output, part
from pybot.schema.conversation import Conversation
from pybot.schema.conversation_change import (
    ArchiveConversationsPayload,
    CreateConversationPayload,
    DeleteConversationsPayload,
    UpdateConversationPayload,
)
from pybot.schema.event import ConversationEvent, ViewerEvent
from pybot.schema.kernel_change import (
    InterruptKernelPayload,
    RestartKernelPayload,
    ShutdownKernelPayload,
)
from pybot.schema.message_change import (
    CancelRunPayload,
    RegenerateMessagePayload,
    SendMessagePayload,
)
from pybot.schema.node import Node
from pybot.schema.scalars import SCALARS
from pybot.schema.server import Server
from pybot.schema.viewer import Viewer

DESCRIPTION = (
    "Pybot: conversations with an assistant that writes Python and runs it in a live Jupyter "
    "kernel.\n"
    "Read a snapshot with a query, then follow it with a subscription that starts at the "
    "snapshot's `eventCursor`: nothing is lost and nothing is applied twice."
)

# Reached through interfaces only.
TYPES = [
    part.TextPart,
    part.ReasoningPart,
    part.CellPart,
    part.ErrorPart,
    output.StreamOutput,
    output.DisplayOutput,
    output.ResultOutput,
    output.ErrorOutput,
    errors.InvalidInputError,
    errors.NotFoundError,
    errors.ConflictError,
    errors.LimitExceededError,
    errors.UnavailableError,
    event.ConversationChangedEvent,
    event.ConversationDeletedEvent,
    event.MessageChangedEvent,
    event.TextDeltaEvent,
    event.CodeDeltaEvent,
    event.RunChangedEvent,
    event.CellChangedEvent,
    event.OutputChangedEvent,
    event.StreamDeltaEvent,
    event.OutputsClearedEvent,
    event.KernelChangedEvent,
]


@strawberry.type(description="Everything that can be read.")
class Query:
    """Reads."""

    viewer: Viewer = strawberry.field(
        resolver=objects.viewer, description="The user that the request is made for."
    )
    node: Node | None = strawberry.field(
        resolver=objects.node,
        description="Any object by its global ID; "
        "null when it does not exist or is not the viewer's.",
    )
    nodes: list[Node | None] = strawberry.field(
        resolver=objects.nodes,
        description="Several objects by their global IDs, in the order asked for, "
        "with null for those that do not exist or are not the viewer's.",
    )
    conversation: Conversation | None = strawberry.field(
        resolver=objects.conversation,
        description="One of the viewer's conversations; null when there is none with this ID.",
    )
    server: Server = strawberry.field(
        resolver=objects.server, description="What this server is and what it allows."
    )


@strawberry.type(
    description="Everything that can be changed. Each field takes one input and returns a payload "
    "with `errors`; without errors the other fields of the payload are set. "
    "The same idempotency key with another input is a `ConflictError`."
)
class Mutation:
    """Changes."""

    create_conversation: CreateConversationPayload = strawberry.mutation(
        resolver=conversations.create_conversation, description="Create an empty conversation."
    )
    update_conversation: UpdateConversationPayload = strawberry.mutation(
        resolver=conversations.update_conversation,
        description="Change a conversation's title or settings.",
    )
    archive_conversations: ArchiveConversationsPayload = strawberry.mutation(
        resolver=conversations.archive_conversations,
        description="Put conversations away, or back. IDs that name nothing are passed over.",
    )
    delete_conversations: DeleteConversationsPayload = strawberry.mutation(
        resolver=conversations.delete_conversations,
        description="Delete conversations with their messages, files and kernels. "
        "IDs that name nothing are passed over.",
    )
    send_message: SendMessagePayload = strawberry.mutation(
        resolver=messages.send_message,
        description="Send a message and start a run that answers it. "
        "Follow it with `conversationEvents`.",
    )
    regenerate_message: RegenerateMessagePayload = strawberry.mutation(
        resolver=messages.regenerate_message,
        description="Let the assistant write another version of one of its messages.",
    )
    cancel_run: CancelRunPayload = strawberry.mutation(
        resolver=messages.cancel_run,
        description="Cancel a run: the model stops writing and the kernel is interrupted. "
        "What was written is kept. Cancelling a run that has ended is no error.",
    )
    interrupt_kernel: InterruptKernelPayload = strawberry.mutation(
        resolver=kernels.interrupt_kernel,
        description="Interrupt the code that the kernel runs.",
    )
    restart_kernel: RestartKernelPayload = strawberry.mutation(
        resolver=kernels.restart_kernel,
        description="Restart the kernel: all variables are lost, files stay.",
    )
    shutdown_kernel: ShutdownKernelPayload = strawberry.mutation(
        resolver=kernels.shutdown_kernel,
        description="Shut the kernel down; the next code starts a new one.",
    )


@strawberry.type(
    description="Everything that can be followed. Events come in order, each with a cursor; "
    "`after` resumes behind the event with that cursor, on any connection and any server.\n"
    "A cursor belongs to the subscription field and the conversation that gave it (or the "
    "snapshot that names it); another one's is refused with `BAD_USER_INPUT`. New kinds of events "
    "may be added in any release: pass over those that you do not know. When events after a cursor "
    "are gone (they are kept for `Limits.eventRetentionSeconds`), the subscription ends with an "
    "error whose `extensions.code` is `CURSOR_EXPIRED`: query the snapshot again and subscribe "
    "from its `eventCursor`. A conversation that does not exist (any more), or is not the "
    "viewer's, gives `NOT_FOUND`.\n"
    "Objects in events are as they were just after the event. A delta belongs to a text if its "
    "`revision` is the text's; it starts at `offset`, in Unicode code points: what the client has "
    "already is passed over, and a gap means that the snapshot must be queried again."
)
class Subscription:
    """What can be followed."""

    conversation_events: AsyncGenerator[ConversationEvent] = strawberry.subscription(
        resolver=events.conversation_events,
        description="Everything that happens in one conversation: messages and their text as it "
        "is written, runs, code, outputs, the kernel, files.",
    )
    viewer_events: AsyncGenerator[ViewerEvent] = strawberry.subscription(
        resolver=events.viewer_events,
        description="What a list of conversations needs: conversations created, changed, deleted, "
        "and runs begun, waiting for the user, and ended, in any of the viewer's tabs and clients.",
    )


def build_schema(limits: QueryLimits | None = None) -> HardenedSchema:
    """The schema that clients see, behind the limits."""
    return HardenedSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=TYPES,
        config=StrawberryConfig(scalar_map=SCALARS),
        description=DESCRIPTION,
        limits=limits,
    )
