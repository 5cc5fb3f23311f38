"""What an interrupt must do in every provider's kernels, whenever it comes."""

import time
from uuid import uuid4

import pytest

from pybot.services.kernels.base import Done, Kernels, Printed, Raised, Reaction, Started
from tests.executions import printed, run

SOON = 2  # seconds; one, on a machine that does nothing else
SLOW_TO_SAY = """
import asyncio, time

class SlowToSay(Exception):
    def __str__(self):
        time.sleep(0.3)
        return "said"

"""


async def interrupted(
    kernels: Kernels, kernel_id: str, code: str, on: type[Printed | Raised]
) -> tuple[list[Reaction], float]:
    """All reactions to code that is interrupted on one of them; seconds from there to its end."""
    reactions: list[Reaction] = []
    since = 0.0
    async for reaction in kernels.execute(kernel_id, code, message_id=uuid4().hex):
        reactions.append(reaction)
        if isinstance(reaction, on):
            await kernels.interrupt(kernel_id)
            since = time.monotonic()
    return reactions, time.monotonic() - since


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(60)",
        "while True: pass",
        "import asyncio; await asyncio.sleep(60)",
    ],
)
async def test_interrupt_takes_effect_at_once(kernels: Kernels, kernel_id: str, code: str) -> None:
    """Sleeping or busy code is interrupted, and the kernel runs more code afterwards."""
    reactions, seconds = await interrupted(
        kernels, kernel_id, f"print('going', flush=True)\n{code}", on=Printed
    )
    assert seconds < SOON
    assert any(isinstance(item, Raised) for item in reactions)
    assert isinstance(reactions[-1], Done)
    assert await kernels.is_alive(kernel_id)


@pytest.mark.parametrize("code", ["raise SlowToSay", "await asyncio.sleep(0); raise SlowToSay"])
async def test_interrupt_between_traceback_and_reply_changes_nothing(
    kernels: Kernels, kernel_id: str, code: str
) -> None:
    """A cell that is over sends its reply, however late the interrupt."""
    reactions, _ = await interrupted(kernels, kernel_id, SLOW_TO_SAY + code, on=Raised)
    assert [type(item) for item in reactions] == [Started, Raised, Done]
    assert printed(await run(kernels, kernel_id, "print('next')")) == "next\n"


async def test_interrupt_reaches_what_draws_after_a_cell(
    kernels: Kernels, own_kernel_id: str
) -> None:
    """Figures are drawn by a hook once the code has ended, which can take long."""
    code = (
        "import time\n"
        "def draw():\n"
        "    print('drawing', flush=True)\n"
        "    time.sleep(60)\n"
        "get_ipython().events.register('post_execute', draw)"
    )
    _, seconds = await interrupted(kernels, own_kernel_id, code, on=Printed)
    assert seconds < SOON


async def test_interrupt_before_a_cell_has_begun_is_not_lost(
    kernels: Kernels, own_kernel_id: str
) -> None:
    """What a cell mentions is imported before it, and an interrupt of that is one of the cell."""
    slow = "import time\nprint('loading', flush=True)\ntime.sleep(0.5)"
    code = (
        "import sys, tempfile\n"
        "folder = tempfile.TemporaryDirectory()\n"
        "sys.path.insert(0, folder.name)\n"
        f"open(folder.name + '/pandas.py', 'w').write({slow!r})"
    )
    await run(kernels, own_kernel_id, code)
    _, seconds = await interrupted(
        kernels, own_kernel_id, "pd; import time; time.sleep(60)", on=Printed
    )
    assert seconds < SOON


async def test_interrupt_of_idle_kernel_changes_nothing(kernels: Kernels, kernel_id: str) -> None:
    """An interrupt that comes too late does no harm."""
    await kernels.interrupt(kernel_id)
    assert printed(await run(kernels, kernel_id, "print('fine')")) == "fine\n"
