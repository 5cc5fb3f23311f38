"""Starts the kernel owner as a program of the local stack."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from pybot.services.local.owner_config import OwnerConfig
from pybot.services.local.process import Child, Program


class KernelOwner:
    """An owner whose log and configuration are in `directory`."""

    def __init__(
        self, config: OwnerConfig, directory: Path, *, pass_fds: tuple[int, ...] = ()
    ) -> None:
        self.socket = Path(config.socket)
        self._config = config
        self._file = directory / "kernel-owner.json"
        self.program = Program(
            name="kernel owner",
            argv=(sys.executable, "-m", "pybot.services.local.kernel_owner", str(self._file)),
            log=directory / "kernel-owner.log",
            ready=self._answers,
            pass_fds=pass_fds,
            stop_timeout=4,
            death_signal=signal.SIGTERM,  # it ends its kernels, then itself
        )

    def prepare(self) -> None:
        """Write the configuration, readable to the user alone, and clear an old socket away."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file.unlink(missing_ok=True)
        self._file.touch(mode=0o600)
        self._file.write_bytes(msgspec.json.encode(self._config))
        self.socket.unlink(missing_ok=True)

    async def _answers(self) -> bool:
        """Whether it takes connections."""
        try:
            _, writer = await asyncio.open_unix_connection(self.socket)
        except OSError:
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True


@asynccontextmanager
async def kernel_owner(config: OwnerConfig, directory: Path) -> AsyncGenerator[Path]:
    """Run an owner for as long as the block lasts; gives its socket."""
    owner = KernelOwner(config, directory)
    owner.prepare()
    child = Child(owner.program)
    try:
        await child.wait_ready()
        yield owner.socket
    finally:
        await child.stop()
