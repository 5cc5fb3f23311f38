"""The media type of an answer (GraphQL over HTTP, section 5.1; RFC 9110, section 12.5.1)."""

from collections.abc import Sequence

from pybot.endpoint.refusal import JSON

GRAPHQL = "application/graphql-response+json"

# The first is given where a client does not mind: the specification's choice until clients that
# do not know the newer type have died out.
_OFFERS = (JSON, GRAPHQL)


def negotiate(accept: Sequence[str]) -> str | None:
    """The media type to answer with, from the `Accept` headers; None when none is acceptable."""
    ranges = [r for header in accept for r in header.split(",") if r.strip()]
    if not ranges:
        return JSON
    parsed = [_parse(text) for text in ranges]
    rated = [(_rate(offer, parsed), offer) for offer in _OFFERS]
    (quality, _, _), best = max(rated, key=lambda pair: pair[0])
    return best if quality > 0 else None


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
    best = (0, 0, 0.0)
    for place, (media, quality) in enumerate(ranges):
        exactness = 3 if media == offer else {"application/*": 2, "*/*": 1}.get(media, 0)
        if exactness > best[0]:
            best = (exactness, -place, quality)
    exactness, place, quality = best
    return quality, exactness, place
