"""The limits of the endpoint: for one operation, and for the connections of one user."""

from dataclasses import dataclass


@dataclass(frozen=True)
class QueryLimits:
    """The most that one operation may have.

    A field costs 1. A field that takes `first` or `last` multiplies the cost of what is below it
    by the page asked for (at most `page_size`, `default_page_size` when none is asked for), a list
    given as `ids` by its length. `fields` counts fragments where they are spread; `tokens` is the
    document's length in lexical tokens.
    """

    depth: int = 15
    aliases: int = 30
    directives: int = 50
    fields: int = 500
    cost: int = 5000
    tokens: int = 4000
    page_size: int = 100
    default_page_size: int = 20


@dataclass(frozen=True)
class ConnectionLimits:
    """The most WebSockets and event streams of one user, and their timeouts in seconds.

    `per_user` counts WebSockets and event streams together, `operations` those of one WebSocket.
    An event stream carries a comment every `comment_interval`, sooner than a proxy in front gives
    a silent stream up.
    """

    per_user: int = 50
    operations: int = 100
    max_age: float = 43_200
    send_timeout: float = 10
    init_timeout: float = 10
    comment_interval: float = 15
