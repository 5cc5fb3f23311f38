"""What the server is and what it allows."""

import strawberry

from pybot import __version__
from pybot.config import Settings
from pybot.context import Info
from pybot.schema.fields import field
from pybot.schema.model import Model
from pybot.schema.scalars import URL
from pybot.services.conversations.commands import MAX_INSTRUCTIONS_LENGTH, MAX_TITLE_LENGTH

SIGN_OUT_PATH = "/sign-out"


@strawberry.type(description="The limits that requests are held to.")
class Limits:
    """The settings that clients have to know."""

    max_message_length: int = strawberry.field(
        description="The longest message, in Unicode code points."
    )
    max_file_size: float = strawberry.field(
        description="The largest file that can be uploaded, in bytes."
    )
    max_output_length: int = strawberry.field(
        description="The most Unicode code points of one output that events and fields carry; "
        "longer ones are cut, with a URL to the whole."
    )
    max_concurrent_runs: int = strawberry.field(
        description="The most runs that one user can have going at once."
    )
    event_retention_seconds: int = strawberry.field(
        description="How long past events can be resumed from, in seconds."
    )
    max_query_cost: int = strawberry.field(
        description="The most that one operation can cost; `extensions.cost` of every answer says "
        "what it did."
    )
    max_title_length: int = strawberry.field(
        description="The longest title, in Unicode code points."
    )
    max_instructions_length: int = strawberry.field(
        description="The longest instructions, in Unicode code points."
    )
    max_storage: float = strawberry.field(
        description="The most bytes that all conversations of one user may take: files, outputs, "
        "messages."
    )
    max_waiting_runs: int = strawberry.field(
        description="The most runs of one user that can wait for him."
    )

    @classmethod
    def from_settings(cls, settings: Settings) -> "Limits":
        """The limits in force."""
        limits = settings.limits
        return cls(
            max_message_length=limits.max_message_length,
            max_file_size=limits.max_file_size,
            max_output_length=limits.max_output_length,
            max_concurrent_runs=limits.max_concurrent_runs,
            event_retention_seconds=limits.event_retention,
            max_query_cost=limits.max_query_cost,
            max_title_length=MAX_TITLE_LENGTH,
            max_instructions_length=MAX_INSTRUCTIONS_LENGTH,
            max_storage=limits.max_storage,
            max_waiting_runs=limits.max_waiting_runs,
        )


@strawberry.type(description="What this server is and what it allows.")
class Server:
    """The same for every viewer."""

    version: str = strawberry.field(
        description="The version of Pybot, as in its releases.", default=__version__
    )

    @field("The language models that a conversation can use; the first is the default one.")
    def models(self, info: Info) -> list[Model]:
        models = info.context.services.models
        return [Model.named(model.name, models) for model in models]

    @field("The limits that requests are held to.")
    def limits(self, info: Info) -> Limits:
        return Limits.from_settings(info.context.services.settings)

    @field("Where a user signs out; null when the server was not told.")
    def sign_out_url(self, info: Info) -> URL | None:
        # By way of Pybot, which then closes what the user has open.
        return URL(SIGN_OUT_PATH) if info.context.services.settings.sign_out_url else None
