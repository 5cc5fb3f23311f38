"""Code run to its end, and what came of it."""

from uuid import uuid4

from pybot.services.kernels.base import Kernels, Printed, Reaction
from pybot.services.records import StreamName


async def run(kernels: Kernels, kernel_id: str, code: str) -> list[Reaction]:
    """All reactions to code."""
    return [item async for item in kernels.execute(kernel_id, code, message_id=uuid4().hex)]


def printed(reactions: list[Reaction], name: StreamName = StreamName.STDOUT) -> str:
    """What was printed to a stream."""
    return "".join(
        item.text for item in reactions if isinstance(item, Printed) and item.name == name
    )
