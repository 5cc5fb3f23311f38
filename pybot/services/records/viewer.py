"""The person that a request is for."""

import hashlib

from msgspec import Struct


class Viewer(Struct, frozen=True, kw_only=True):
    """The authenticated person of a request, as the trusted header names them."""

    username: str
    email: str | None = None
    display_name: str = ""

    @property
    def key(self) -> str:
        """The user name, hashed: safe in Redis keys, whatever characters it has."""
        return hashlib.sha256(self.username.encode()).hexdigest()[:32]
