"""Bounds are measured: memory is counted."""

import tracemalloc
from collections.abc import Iterator

import pytest

from tests.bounds.memory import Allocations


@pytest.fixture
def allocations() -> Iterator[Allocations]:
    """Count what Python allocates, from here on."""
    tracemalloc.start()
    yield Allocations()
    tracemalloc.stop()
