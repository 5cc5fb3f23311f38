"""How the process that owns the kernels ends, and its kernels with it."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from pybot.services.kernels.base import (
    KernelDied,
    KernelUnavailable,
    Printed,
)
from pybot.services.kernels.local import LocalKernels
from tests.fixtures.kernels import KERNEL_PYTHON, MakeOwner


def processes(*names: str | Path) -> list[int]:
    """The processes whose command lines have any of the names in them."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes()
        except OSError:  # it has ended meanwhile
            continue
        if any(bytes(Path(name)) in command for name in names):
            found.append(int(path.parent.name))
    return found


async def until(condition: Callable[[], bool], timeout: float = 10) -> float:
    """Wait for a condition; the seconds that it took."""
    began = time.monotonic()
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 (other processes set no events)
            await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_kernels_end_with_their_owner(make_owner: MakeOwner, number: signal.Signals) -> None:
    """However the owner ends, nothing of it is left within 3 s, and clients get their ends."""
    config = make_owner()

    async def scenario() -> None:
        kernels = LocalKernels(Path(config.socket))
        kernel_id = await kernels.start("a", "tester")
        await kernels.start("b", "tester")
        code = "import time; print('on', flush=True); time.sleep(60)"
        running = kernels.execute(kernel_id, code, message_id=uuid4().hex)
        while not isinstance(await anext(running), Printed):
            pass
        sandboxes = config.folder / "k"
        assert len(processes(sandboxes)) >= 2
        (owner,) = processes(Path(config.files).with_name("kernel-owner.json"))
        os.kill(owner, number)
        with pytest.raises(KernelDied):
            await anext(running)
        assert await until(lambda: not processes(sandboxes)) < 3
        with pytest.raises(KernelUnavailable, match="pybot up"):
            await kernels.check()
        await kernels.aclose()

    asyncio.run(scenario())


def test_owner_does_not_wait_for_a_kernel_that_starts(
    make_owner: MakeOwner, tmp_path: Path
) -> None:
    """A kernel that never answers does not hold up the end."""
    prefix = tmp_path / "environment"
    shutil.copytree(KERNEL_PYTHON.parents[1] / "bin", prefix / "bin", symlinks=True)
    shutil.copy(KERNEL_PYTHON.parents[1] / "pyvenv.cfg", prefix)
    packages = prefix / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (packages / "ipykernel").mkdir(parents=True)
    (packages / "zmq.py").touch()
    (packages / "traitlets.py").write_text("import time; time.sleep(60)")
    config = make_owner(python=str(prefix / "bin" / "python"))

    async def scenario() -> None:
        kernels = LocalKernels(Path(config.socket))
        starting = asyncio.ensure_future(kernels.start("slow", "tester"))
        sandboxes = config.folder / "k"
        await until(lambda: any(path.name != "trial" for path in sandboxes.glob("*/inside.json")))
        await until(lambda: bool(processes(*sandboxes.glob("*/inside.json"))))
        (owner,) = processes(Path(config.files).with_name("kernel-owner.json"))
        os.kill(owner, signal.SIGTERM)
        assert await until(lambda: not processes(sandboxes)) < 3
        with pytest.raises(KernelUnavailable):
            await starting
        await kernels.aclose()

    asyncio.run(scenario())


def test_owner_ends_when_its_parent_is_killed(make_owner: MakeOwner, tmp_path: Path) -> None:
    """Nobody is left behind, also where the operating system sends no signal."""
    config = msgspec.structs.replace(
        make_owner(), socket=str(Path(make_owner().folder, "second.sock"))
    )
    file = tmp_path / "config.json"
    file.write_bytes(msgspec.json.encode(config))
    code = (
        "import subprocess, sys, time; subprocess.Popen([sys.executable, '-m', "
        f"'pybot.services.local.kernel_owner', {str(file)!r}]); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL) as parent:
        asyncio.run(until(lambda: Path(config.socket).exists()))
        parent.kill()
    asyncio.run(until(lambda: not Path(config.socket).exists()))
