"""What is wrong with a request, as members of a payload."""

from collections.abc import Sequence
from enum import Enum

import strawberry

from pybot import errors
from pybot.context import Info
from pybot.errors import PybotError
from pybot.schema import run as run_types
from pybot.schema.fields import field
from pybot.schema.lazy import LazyRun
from pybot.schema.scope import scope_of
from pybot.services.records import conversation_of


@strawberry.enum(description="What is wrong with a request.")
class UserErrorCode(Enum):
    """Codes that do not change between releases."""

    INVALID = strawberry.enum_value(
        "INVALID", description="A value is not allowed: too long, empty, malformed."
    )
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="An ID names nothing that the viewer has."
    )
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="It cannot be done in the present state."
    )
    LIMIT_EXCEEDED = strawberry.enum_value(
        "LIMIT_EXCEEDED", description="Too many or too large requests; see `retryAfterSeconds`."
    )
    UNAVAILABLE = strawberry.enum_value(
        "UNAVAILABLE", description="A service that it needs cannot be reached."
    )


@strawberry.interface(
    description="Something in the request that the caller can put right, or try again. "
    "`INVALID`, `NOT_FOUND`, `CONFLICT` and `LIMIT_EXCEEDED` mean that nothing was changed."
)
class UserError:
    """An expected failure; everything else is a GraphQL error."""

    code: UserErrorCode = strawberry.field(
        description="A code that does not change between releases."
    )
    message: str = strawberry.field(description="What is wrong, for a person to read.")
    path: list[str] = strawberry.field(
        description='The path of the argument at fault, for example `["input", "title"]`; '
        "empty when no single one is."
    )


@strawberry.type(description="A value is not allowed.")
class InvalidInputError(UserError):
    """A value is not allowed."""

    path: list[str] = strawberry.field(description="The path of the argument at fault.")


@strawberry.type(description="An ID names nothing that the viewer has.")
class NotFoundError(UserError):
    """An ID names nothing that the viewer has."""

    path: list[str] = strawberry.field(description="The path of the argument at fault.")


@strawberry.type(
    description="It cannot be done in the present state, for example while a run goes on."
)
class ConflictError(UserError):
    """It cannot be done in the present state."""

    run_id: strawberry.Private[str | None]
    path: list[str] = strawberry.field(description="The path of the argument at fault.")

    @field("The run that is in the way; null when it is something else.")
    async def active_run(self, info: Info) -> LazyRun | None:
        if self.run_id is None:
            return None
        scope = scope_of(info, conversation_of(self.run_id))
        try:
            return run_types.Run.from_record(await scope.run(self.run_id), scope)
        except errors.NotFound:
            return None


@strawberry.type(description="Too many or too large requests.")
class LimitExceededError(UserError):
    """Too many or too large requests."""

    path: list[str] = strawberry.field(description="The path of the argument at fault.")
    retry_after_seconds: int | None = strawberry.field(
        description="When to try again; null when that does not help."
    )


@strawberry.type(description="A service that it needs cannot be reached.")
class UnavailableError(UserError):
    """A service that it needs cannot be reached."""

    path: list[str] = strawberry.field(description="The path of the argument at fault.")


def user_error(error: PybotError, path: Sequence[str]) -> UserError:
    """An expected failure as a member of `errors`, at a path of arguments.

    Raises errors that no mutation can return (CursorExpired, Superseded) again.
    """
    message, at = error.message, list(path)
    match error:
        case errors.InvalidInput():
            return InvalidInputError(code=UserErrorCode.INVALID, message=message, path=at)
        case errors.NotFound():
            return NotFoundError(code=UserErrorCode.NOT_FOUND, message=message, path=at)
        case errors.Conflict(run_id=run_id):
            return ConflictError(
                code=UserErrorCode.CONFLICT, message=message, path=at, run_id=run_id
            )
        case errors.LimitExceeded(retry_after=seconds):
            return LimitExceededError(
                code=UserErrorCode.LIMIT_EXCEEDED,
                message=message,
                path=at,
                retry_after_seconds=seconds,
            )
        case errors.Unavailable():
            return UnavailableError(code=UserErrorCode.UNAVAILABLE, message=message, path=at)
        case _:
            raise error
