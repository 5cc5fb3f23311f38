"""The person of a request, and their conversations."""

from typing import TYPE_CHECKING

import strawberry
from strawberry import UNSET

from pybot.context import Info
from pybot.schema import cursors, ids
from pybot.schema.conversation import Conversation, ConversationConnection, ConversationEdge
from pybot.schema.fields import After, Before, First, Last, field, page_request
from pybot.schema.node import Node, PageInfo
from pybot.schema.scope import scope_with
from pybot.services import records
from pybot.services.conversations.snapshots import Snapshot
from pybot.services.values.once import Once
from pybot.services.values.pages import Edge

if TYPE_CHECKING:
    from pybot.services.container import Services


@strawberry.type(description="The user that the request is made for.")
class Viewer(Node):
    """The viewer; the cursor of their log is read before their list."""

    cursor: strawberry.Private[Once[int]]
    username: str = strawberry.field(description="The name in the trusted identity header.")
    email: str | None = strawberry.field(
        description="The e-mail address that the proxy passed on; null when it did not."
    )
    display_name: str = strawberry.field(
        description="What to show: the preferred user name that the proxy passed on, "
        "or else the user name."
    )

    @field(
        "The viewer's conversations, pinned ones first, then most recently updated first unless "
        "ordered otherwise. Connections are null only beside an error in an argument or a backend, "
        "so that the rest of the answer stays."
    )
    async def conversations(
        self,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> ConversationConnection | None:
        request = page_request(first, after, last, before)
        await self.cursor.get()  # before the list, so that no event between them is lost
        page = await info.context.services.conversations.page(info.context.viewer, request)
        return ConversationConnection(
            edges=[_edge(info, edge) for edge in page.edges],
            page_info=PageInfo.from_page(page),
            total_count=page.total,
        )

    @field(
        "The cursor of this snapshot: what is selected beside it is as of this cursor, and "
        "`viewerEvents(after:)` with it gives everything that happened since."
    )
    async def event_cursor(self) -> str:
        return cursors.encode(cursors.VIEWER, await self.cursor.get())

    @classmethod
    def from_record(cls, record: records.Viewer, services: "Services") -> "Viewer":
        """The viewer of a request."""
        return cls(
            id=ids.encode("Viewer", record.key),
            cursor=Once(lambda: services.conversations.cursor(record)),
            username=record.username,
            email=record.email,
            display_name=record.display_name or record.username,
        )


def _edge(info: Info, edge: Edge[Snapshot]) -> ConversationEdge:
    """An edge with its conversation as of the list's own reading."""
    scope = scope_with(info, edge.node)
    return ConversationEdge(cursor=edge.cursor, node=Conversation.from_snapshot(edge.node, scope))
