"""Which pages may send requests: those of the server's own origin, and those that are named."""

from collections.abc import Sequence

from starlette.requests import HTTPConnection

from pybot.endpoint.upstream_strawberry import (
    is_same_origin,
    normalize_allowed_origins,
    normalize_origin,
)

FORBIDDEN = "FORBIDDEN_ORIGIN"


class OriginPolicy:
    """Compares `Origin` with `Host`, and with the origins that were allowed beside it."""

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self._allowed = normalize_allowed_origins(allowed)

    def allows(self, connection: HTTPConnection) -> bool:
        """Whether a request may act with the user's rights.

        Programs other than browsers send no `Origin`; they are let in. Browsers that leave it out
        (a GET for an image, say) still say in `Sec-Fetch-Site` that another site asks.
        """
        origins = connection.headers.getlist("origin")
        site = connection.headers.get("sec-fetch-site")
        if not origins:
            return site != "cross-site"
        if len(origins) > 1 or (origin := normalize_origin(origins[0])) is None:
            return False
        if origin in self._allowed or "*" in self._allowed:
            return True
        # A proxy may have changed `Host`; pages cannot change `Sec-Fetch-Site`.
        return site == "same-origin" or is_same_origin(origin, connection.headers.get("host"))
