"""The form of an answer (GraphQL over HTTP, section 5.1; RFC 9110, section 12.5.1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from pybot.endpoint.refusal import JSON

GRAPHQL = "application/graphql-response+json"
EVENTS = "text/event-stream"

# The first is given where a client does not mind: the specification's choice until clients that
# do not know the newer type have died out.
_OFFERS = (JSON, GRAPHQL)


@dataclass(frozen=True)
class Accepted:
    """The forms that a client accepts.

    `json` is the media type for an answer in one piece, None when there is none. `events` says
    that the client named event streams, `prefers_events` that it would rather have one.
    """

    json: str | None
    events: bool
    prefers_events: bool


def negotiate(accept: Sequence[str]) -> Accepted:
    """What the `Accept` headers of a request mean."""
    ranges = [_parse(text) for header in accept for text in header.split(",") if text.strip()]
    if not ranges:
        return Accepted(JSON, events=False, prefers_events=False)
    (quality, _, _), best = max(
        ((_rate(offer, ranges), offer) for offer in _OFFERS), key=lambda pair: pair[0]
    )
    # `*/*` is not enough: a client that knows no streams would wait for the end of one for ever.
    named = [each for each in ranges if each[0] != "*/*"]
    events, _, _ = _rate(EVENTS, named)
    return Accepted(best if quality > 0 else None, events > 0, events > quality)


def _parse(text: str) -> tuple[str, float]:
    media, *parameters = (part.strip().lower() for part in text.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media, max(0.0, min(1.0, float(value)))
            except ValueError:
                return media, 0.0
    return media, 1.0


def _rate(offer: str, ranges: Sequence[tuple[str, float]]) -> tuple[float, int, int]:
    """How well an offer suits: quality, exactness of the range that matches, its place."""
    group = f"{offer.partition('/')[0]}/*"
    best = (0, 0, 0.0)
    for place, (media, quality) in enumerate(ranges):
        exactness = 3 if media == offer else {group: 2, "*/*": 1}.get(media, 0)
        if exactness > best[0]:
            best = (exactness, -place, quality)
    exactness, place, quality = best
    return quality, exactness, place
