"""The folder of a conversation on the shared volume, in which its kernels work."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any


def folder_removal(volume: Path | None) -> Callable[[str], Coroutine[Any, Any, None]]:
    """Removes the folder of a deleted conversation, where this server sees the volume."""

    async def remove(conversation_id: str) -> None:
        if volume is not None:
            await asyncio.to_thread(shutil.rmtree, volume / conversation_id, ignore_errors=True)

    return remove
