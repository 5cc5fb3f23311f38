"""A thing in one media type, and where its bytes are."""

import re
from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import urlencode

import strawberry

from pybot.schema.fields import field
from pybot.schema.scalars import JSON, URL
from pybot.services import records
from pybot.services.values import exact_json

# Digits of a digest, enough to distinguish the versions of one output.
VERSION_LENGTH = 16


def url_of(output_id: str, representation: records.Representation) -> URL:
    """The URL of an output in one media type; it never changes: another version has another URL."""
    query = {"type": representation.media_type, "v": version_of(representation)}
    return URL(f"/outputs/{output_id}?{urlencode(query)}")


def version_of(representation: records.Representation) -> str:
    """The beginning of the SHA-256 of the bytes, which is the name of what is stored, too."""
    digest = representation.blob or sha256((representation.text or "").encode()).hexdigest()
    return digest[:VERSION_LENGTH]


def is_json(media_type: str) -> bool:
    """Whether a media type is JSON: `application/json` or one that ends in `+json`."""
    essence = media_type.partition(";")[0].strip().lower()
    return essence == "application/json" or essence.endswith("+json")


def accepted(
    bundle: Sequence[records.Representation], accept: Sequence[str] | None
) -> list[records.Representation]:
    """What of a bundle is accepted, in the order of `accept`; all of it when that is None.

    Each item is a media range of HTTP's `Accept`: `image/png`, `image/*`, `*/*`. The order decides,
    so weights do nothing, but that 0 accepts nothing.
    """
    if accept is None:
        return list(bundle)
    found = [item for wanted in accept for item in bundle if _matches(wanted, item.media_type)]
    return [item for place, item in enumerate(found) if item not in found[:place]]


def _matches(wanted: str, media_type: str) -> bool:
    media_range, *parameters = (part.strip().lower() for part in wanted.split(";"))
    if any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters):
        return False
    essence = media_type.partition(";")[0].strip().lower()
    return media_range in (essence, f"{essence.partition('/')[0]}/*", "*/*")


@strawberry.type(description="A thing in one media type.")
class Representation:
    """One entry of a MIME bundle."""

    record: strawberry.Private[records.Representation]
    output_id: strawberry.Private[str]
    media_type: str = strawberry.field(description="The media type, for example `image/png`.")
    byte_size: float = strawberry.field(
        description="Its size in bytes; Float since Int has 32 bits only."
    )
    width: int | None = strawberry.field(
        description="The width in CSS pixels at which an image is to be shown; null when not known."
    )
    height: int | None = strawberry.field(
        description="The height in CSS pixels at which an image is to be shown; "
        "null when not known."
    )

    @field("The text of a textual type; null for a binary one and for one that was cut.")
    def text(self) -> str | None:
        return self.record.text if self.record.blob is None else None

    @field("The value of a JSON type; null for others.")
    def json(self) -> JSON | None:
        if self.record.text is None or not is_json(self.media_type):
            return None
        return JSON(decoded(self.record.text))

    @field("Where to fetch it in this type.")
    def url(self) -> URL:
        return url_of(self.output_id, self.record)

    @classmethod
    def from_record(cls, record: records.Representation, output_id: str) -> "Representation":
        """A representation as its record has it."""
        return cls(
            record=record,
            output_id=output_id,
            media_type=record.media_type,
            byte_size=record.byte_size,
            width=record.width,
            height=record.height,
        )


def decoded(text: str) -> object:
    """The JSON value of a text; None for a text that was cut in the middle of it."""
    try:
        return exact_json.loads(text)
    except ValueError:
        return None


@strawberry.type(description="Something to download.")
class Download:
    """Where bytes are, and what they are."""

    url: URL = strawberry.field(
        description="Where to fetch it, with the same credentials as the API."
    )
    filename: str = strawberry.field(description="A name for the file.")
    media_type: str = strawberry.field(description="The media type.")
