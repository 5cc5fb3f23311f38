"""What others do between two steps of a command."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest


def act_before(
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    method: str,
    act: Callable[[], Awaitable[object]],
) -> None:
    """Await `act` at the beginning of each call of a method of an object or a class."""
    work = getattr(owner, method)

    async def act_then_work(*arguments: Any, **options: Any) -> Any:
        await act()
        return await work(*arguments, **options)

    monkeypatch.setattr(owner, method, act_then_work)
