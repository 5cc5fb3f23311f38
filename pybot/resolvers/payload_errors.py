"""Expected failures of a mutation, gathered as members of its payload's `errors`."""

from collections.abc import Mapping, Sequence
from types import TracebackType

from pybot.errors import NotFound, PybotError
from pybot.schema import ids
from pybot.schema.errors import UserError, user_error

# What one request may name at once.
MAX_IDS = 100


class PayloadErrors:
    """Catches a PybotError that ends its `with` block; `errors` has it as a `UserError`.

    Services give the path of an argument relative to the input; `places` maps the first step of
    such a path to where the argument is, when that is deeper or has another name. `named` is the
    argument of a NotFound without a path.
    """

    def __init__(
        self, places: Mapping[str, Sequence[str]] | None = None, *, named: str | None = None
    ) -> None:
        self.errors: list[UserError] = []
        self._places = places or {}
        self._named = (named,) if named else ()

    def __enter__(self) -> "PayloadErrors":
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


def decode_required(kind: ids.Kind, global_id: str, *path: str) -> str:
    """The service's ID of a global ID; raises NotFound, with `path`, for one of another kind."""
    service_id = ids.decode_as(kind, global_id)
    if service_id is None:
        raise NotFound("This ID names nothing that you have.", path)
    return service_id
