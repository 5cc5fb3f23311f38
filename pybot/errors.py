"""What can go wrong in ways that a caller can act on.

    PybotError
    ├── InvalidInput      a value is not allowed
    ├── NotFound          an ID names nothing that the viewer has
    ├── Conflict          it cannot be done in the present state
    ├── LimitExceeded     too many or too large requests
    ├── Unavailable       a service that it needs cannot be reached
    ├── CursorExpired     events after a cursor are gone
    └── Superseded        another worker has taken this run up (never leaves the worker)

Everything else that is raised is a bug: clients see an ID, under which it is logged.
"""

from collections.abc import Sequence


class PybotError(Exception):
    """Base of the errors shown to callers: a message for a person, a path to the argument."""

    code = "ERROR"

    def __init__(self, message: str, path: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.path = tuple(path)

    @property
    def extensions(self) -> dict[str, object]:
        """What a GraphQL error carries beside its message (graphql-core reads this attribute)."""
        return (
            {"code": self.code, "argument": list(self.path)} if self.path else {"code": self.code}
        )


class InvalidInput(PybotError):
    """A value is not allowed: too long, empty, malformed."""

    code = "BAD_USER_INPUT"


class NotFound(PybotError):
    """An ID names nothing that the viewer has; someone else's looks exactly the same."""

    code = "NOT_FOUND"


class Conflict(PybotError):
    """It cannot be done in the present state; `run_id` is the run that prevents it, if one does."""

    code = "CONFLICT"

    def __init__(
        self, message: str, path: Sequence[str] = (), *, run_id: str | None = None
    ) -> None:
        super().__init__(message, path)
        self.run_id = run_id


class LimitExceeded(PybotError):
    """Too many or too large requests; `retry_after` in seconds, None when waiting does not help."""

    code = "LIMIT_EXCEEDED"

    def __init__(
        self, message: str, path: Sequence[str] = (), *, retry_after: int | None = None
    ) -> None:
        super().__init__(message, path)
        self.retry_after = retry_after


class Unavailable(PybotError):
    """A service that the request needs cannot be reached."""

    code = "UNAVAILABLE"


class CursorExpired(PybotError):
    """The events after a cursor are gone: query the snapshot again and follow from there."""

    code = "CURSOR_EXPIRED"


class Superseded(PybotError):
    """Another worker has taken the run up: stop, and write nothing more."""

    code = "SUPERSEDED"
