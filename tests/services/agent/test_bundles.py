"""MIME bundles: ordered, decoded, and harmless however they are made."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybot.services.agent.bundles import Content, clean, read_bundle

PNG = base64.b64encode(b"\x89PNG").decode()


def types(bundle: dict[Any, Any]) -> list[str]:
    return [content.media_type for content in read_bundle(bundle)]


def test_the_richest_comes_first() -> None:
    bundle: dict[str, object] = {
        "text/plain": "x",
        "application/json": {},
        "application/x-own": "x",
        "image/png": PNG,
        "image/svg+xml": "<svg/>",
        "text/latex": "x",
        "text/markdown": "x",
        "text/html": "<p>",
        "application/vnd.plotly.v1+json": {},
    }
    assert types(bundle) == [
        "application/vnd.plotly.v1+json",
        "text/html",
        "text/markdown",
        "text/latex",
        "image/svg+xml",
        "image/png",
        "application/json",
        "application/x-own",
        "text/plain",
    ]


def test_binary_types_are_decoded() -> None:
    assert read_bundle({"image/png": PNG + "\n"}) == [Content("image/png", b"\x89PNG", False)]


def test_json_is_its_text() -> None:
    assert read_bundle({"application/json": {"a": [1, float("nan")]}}) == [
        Content("application/json", b'{"a":[1,null]}', True)
    ]


def test_lines_are_joined() -> None:
    assert read_bundle({"text/html": ["<p>", "</p>"]}) == [Content("text/html", b"<p></p>", True)]


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "bundle",
    [
        {"image/png": "not base64!"},
        {"image/png": "é"},
        {"image/png": 7},
        {"text/html": {"a": 1}},
        {"text/html": ["a", 1]},
        {"text/plain": None},
        {"application/json": {1, 2}.__iter__()},
        {"application/json": deep(100_000)},
        {"<script>": "x"},
        {"text/html\r\nX-Own: 1": "x"},
        {"TEXT/HTML; charset=utf-8": "x"},
        {"text/" + "x" * 200: "x"},
        {7: "x"},
    ],
)
def test_what_is_malformed_is_left_out(bundle: dict[Any, Any]) -> None:
    assert read_bundle(bundle) == []
    assert types({**bundle, "text/plain": "there"}) == ["text/plain"]


def test_only_so_many_types_are_read() -> None:
    assert len(read_bundle({f"text/x-{number}": "x" for number in range(100)})) == 16


TYPES = st.sampled_from(["image/png", "text/html", "application/json", "text", "é/é"])
VALUES = st.sampled_from([None, "é", "QUI=", "\ud800", 1, 2.5, float("nan"), b"x", {"a": 1}])


@given(st.dictionaries(TYPES, VALUES | st.lists(VALUES, max_size=3), max_size=5))
def test_no_bundle_raises(bundle: dict[str, Any]) -> None:
    for content in read_bundle(bundle):
        assert not content.is_text or content.data.decode() is not None


def test_lone_surrogates_are_replaced() -> None:
    assert clean("a\udfffé") == "a?é"
    assert read_bundle({"text/plain": "\ud800"}) == [Content("text/plain", b"?", True)]
