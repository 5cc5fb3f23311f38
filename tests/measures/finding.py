"""What one measure found in a whole run."""

from typing import NamedTuple


class Finding(NamedTuple):
    """`summary` is one line; `missing` says what was not reached, empty when it was enough."""

    summary: str
    missing: str
