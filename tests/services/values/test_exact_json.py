"""Whole numbers come through JSON as they were written."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybot.services.values.exact_json import loads


@given(st.integers())
def test_value_of_a_number_is_its_own(number: int) -> None:
    assert loads(f'{{"a": [{number}]}}') == {"a": [number]}


@pytest.mark.parametrize("digits", ["18446744073709551616", "-" + "9" * 1_000, "7" * 100_000])
def test_digits_of_a_number_come_back(digits: str) -> None:
    assert msgspec.json.encode(loads(f"[{digits},1.5]".encode())) == f"[{digits},1.5]".encode()


@pytest.mark.parametrize("text", ["", "[1", b"\xff", "01"])
def test_anything_else_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)
