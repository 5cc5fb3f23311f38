"""MIME bundles: which representations are given, and where their bytes are."""

from hashlib import sha256

import pytest

from pybot.schema.representation import (
    Representation,
    accepted,
    is_json,
    url_of,
    version_of,
)
from pybot.services import records

PLOT = records.Representation(media_type="image/png", byte_size=3, blob="0123456789abcdef" * 2)
SVG = records.Representation(media_type="image/svg+xml", byte_size=6, text="<svg/>")
PLAIN = records.Representation(media_type="text/plain", byte_size=6, text="Figure")
BUNDLE = (PLOT, SVG, PLAIN)


def test_without_accept_all_are_given_richest_first() -> None:
    assert accepted(BUNDLE, None) == list(BUNDLE)


def test_accept_decides_the_order() -> None:
    assert accepted(BUNDLE, ["text/plain", "image/png"]) == [PLAIN, PLOT]


def test_accept_takes_a_family_of_types() -> None:
    assert accepted(BUNDLE, ["image/*"]) == [PLOT, SVG]
    assert accepted(BUNDLE, ["IMAGE/*"]) == [PLOT, SVG]


def test_what_is_accepted_twice_is_given_once() -> None:
    assert accepted(BUNDLE, ["image/svg+xml", "image/*", "text/plain"]) == [SVG, PLOT, PLAIN]


def test_accept_takes_everything() -> None:
    assert accepted(BUNDLE, ["*/*"]) == list(BUNDLE)
    assert accepted(BUNDLE, ["text/plain", "*/*"]) == [PLAIN, PLOT, SVG]


def test_accept_takes_what_the_header_takes() -> None:
    """Parameters are no part of the type; the order decides, and a weight of 0 accepts nothing."""
    assert accepted(BUNDLE, ["text/*;q=0.5", "image/png; q=1"]) == [PLAIN, PLOT]
    assert accepted(BUNDLE, [" image/* ; q=0.001"]) == [PLOT, SVG]
    assert accepted(BUNDLE, ["image/*;q=0", "*/*; q=0.0", "text/plain"]) == [PLAIN]


def test_empty_accept_gives_nothing() -> None:
    assert accepted(BUNDLE, []) == []
    assert accepted(BUNDLE, ["*", "*/", "*/png", "im", "image/", "image/*/*", "", ";"]) == []


def test_urls_are_relative_and_name_type_and_version() -> None:
    assert url_of("c.m.0.1", PLOT) == "/outputs/c.m.0.1?type=image%2Fpng&v=0123456789abcdef"
    digest = sha256(b"<svg/>").hexdigest()[:16]
    assert url_of("c.m.0.1", SVG) == f"/outputs/c.m.0.1?type=image%2Fsvg%2Bxml&v={digest}"


def test_version_changes_with_the_text() -> None:
    other = records.Representation(media_type="text/plain", byte_size=7, text="Figures")
    assert version_of(PLAIN) != version_of(other)


def test_text_is_null_for_binary_and_cut_ones() -> None:
    cut = records.Representation(media_type="text/html", byte_size=9, text="<b>", blob="ab")
    texts = [text_of(record) for record in (PLOT, SVG, cut)]
    assert texts == [None, "<svg/>", None]


@pytest.mark.parametrize(
    ("media_type", "text", "value"),
    [
        ("application/json", '{"a": [1, null]}', {"a": [1, None]}),
        ("application/vnd.plotly.v1+json", "[1]", [1]),
        ("application/json; charset=utf-8", "1", 1),
        ("application/json", f"[{2**64}, {-(10**300)}]", [2**64, -(10**300)]),
        ("text/plain", "1", None),
        ("application/json", '{"a": [1', None),
    ],
)
def test_json_is_the_value_of_json_types(media_type: str, text: str, value: object) -> None:
    record = records.Representation(media_type=media_type, byte_size=len(text), text=text)
    assert json_of(record) == value


def test_json_types() -> None:
    assert is_json("application/geo+json")
    assert not is_json("application/jsonp")


def text_of(record: records.Representation) -> object:
    return Representation.from_record(record, "c.m.0.1").text()


def json_of(record: records.Representation) -> object:
    return Representation.from_record(record, "c.m.0.1").json()
