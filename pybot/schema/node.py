"""What can be refetched by its ID, and pages of it."""

from typing import TypeVar

import strawberry

from pybot.services.values.pages import Page

T = TypeVar("T")


@strawberry.interface(
    description="An object with a globally unique, opaque ID that can be refetched with "
    "`Query.node`."
)
class Node:
    """An object with a global ID (`schema/ids.py`)."""

    id: strawberry.ID = strawberry.field(description="The globally unique, opaque ID.")


@strawberry.type(description="Information about a page of a connection (Relay Cursor Connections).")
class PageInfo:
    """Whether edges lie around a page, and the cursors at its ends."""

    has_next_page: bool = strawberry.field(description="Whether more edges follow this page.")
    has_previous_page: bool = strawberry.field(description="Whether edges precede this page.")
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first edge of this page."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last edge of this page."
    )

    @classmethod
    def from_page(cls, page: Page[T]) -> "PageInfo":
        """The PageInfo of a service's page."""
        return cls(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=page.edges[0].cursor if page.edges else None,
            end_cursor=page.edges[-1].cursor if page.edges else None,
        )
