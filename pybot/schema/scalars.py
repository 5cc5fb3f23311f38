"""The contract's own scalars, with the serialisations that the built-in ones lack."""

from datetime import UTC, datetime
from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

JSON = NewType("JSON", object)
URL = NewType("URL", str)


def serialize_datetime(value: datetime) -> str:
    """An aware instant in UTC, with milliseconds: `2026-11-22T10:00:00.123Z`."""
    text = value.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def parse_datetime(value: object) -> datetime:
    """An instant from a variable or a literal; ValueError unless it has a UTC offset."""
    if not isinstance(value, str):
        raise ValueError("A DateTime is a string in ISO 8601.")
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"Not a DateTime in ISO 8601: {value[:40]!r}.") from None
    if instant.tzinfo is None:
        raise ValueError("A DateTime needs a UTC offset, for example `Z`.")
    return instant.astimezone(UTC)


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description=(
            "An instant in ISO 8601 with a UTC offset, for example `2026-11-22T10:00:00.123Z`."
        ),
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
        serialize=serialize_datetime,
        parse_value=parse_datetime,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value.",
        specified_by_url=(
            "https://ecma-international.org/wp-content/uploads/"
            "ECMA-404_2nd_edition_december_2017.pdf"
        ),
        parse_value=lambda value: value,
    ),
    URL: strawberry.scalar(
        name="URL",
        description=(
            "A URL, absolute or relative to the API's origin, "
            "to be fetched with the same credentials as the API."
        ),
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3986",
        parse_value=str,
    ),
}
