"""The contract's scalars."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pybot.schema.scalars import parse_datetime, serialize_datetime


def test_instants_have_milliseconds_and_z() -> None:
    whole = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)
    assert serialize_datetime(whole) == "2026-11-22T10:00:00.000Z"
    assert serialize_datetime(whole.replace(microsecond=123_999)) == "2026-11-22T10:00:00.123Z"


def test_instants_of_other_offsets_are_given_in_utc() -> None:
    offset = timezone(timedelta(hours=2))
    instant = datetime(2026, 11, 22, 10, 0, 0, tzinfo=offset)
    assert serialize_datetime(instant) == "2026-11-22T08:00:00.000Z"


def test_instants_are_parsed_with_their_offset() -> None:
    expected = datetime(2026, 11, 22, 8, 0, 0, 123_000, tzinfo=UTC)
    assert parse_datetime("2026-11-22T10:00:00.123+02:00") == expected
    assert parse_datetime("2026-11-22T08:00:00.123Z") == expected


@pytest.mark.parametrize("value", ["2026-11-22T10:00:00", "yesterday", "", 3, None, True])
def test_other_values_are_no_instants(value: object) -> None:
    with pytest.raises(ValueError, match="DateTime"):
        parse_datetime(value)
