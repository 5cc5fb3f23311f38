"""Expected failures of a mutation, gathered as members of its payload's `errors`."""

from collections.abc import Mapping, Sequence
from types import TracebackType

from pybot.errors import NotFound, PybotError
from pybot.schema import ids
from pybot.schema.errors import UserError, user_error

# What one request may name at once.
MAX_IDS = 100


class Refusals:
    """Keeps a PybotError that ends its `with` block, as a `UserError` with the argument's path.

    Services name arguments relative to the input; `places` says where those are that lie deeper
    in it, or go by another name there. What is not found is what `named` is, where the service
    does not say.
    """

    def __init__(
        self, places: Mapping[str, Sequence[str]] | None = None, *, named: str | None = None
    ) -> None:
        self.errors: list[UserError] = []
        self._places = places or {}
        self._named = (named,) if named else ()

    def __enter__(self) -> "Refusals":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(error, PybotError):
            return False
        path = error.path or (self._named if isinstance(error, NotFound) else ())
        self.errors = [user_error(error, self._path(path))]
        return True

    def _path(self, path: Sequence[str]) -> list[str]:
        if not path:
            return []
        return ["input", *self._places.get(path[0], path[:1]), *path[1:]]


def required(kind: ids.Kind, global_id: str, *path: str) -> str:
    """The service's ID of an argument; NotFound, with the path, for what is no such ID."""
    service_id = ids.decode_as(kind, global_id)
    if service_id is None:
        raise NotFound("This ID names nothing that you have.", path)
    return service_id
