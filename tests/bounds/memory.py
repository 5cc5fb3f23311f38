"""What Python's objects take, counted."""

import gc
import tracemalloc

MIB = 1024 * 1024


class Allocations:
    """Bytes that Python objects take, while tracemalloc runs."""

    def now(self) -> int:
        """What they take now; the next peak counts from here."""
        gc.collect()
        tracemalloc.reset_peak()
        return tracemalloc.get_traced_memory()[0]

    def peak(self) -> int:
        """The most that they took since `now` was asked."""
        return tracemalloc.get_traced_memory()[1]
