"""The configuration of a kernel owner, which it gets when it starts."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from pybot.config import MIB, KernelSettings, Settings

SOCKET_PATH_LIMIT = 107  # bytes, of sockaddr_un; longer paths fail when they are bound
LONGEST_KERNEL_SOCKET = len("/k/12345678/s/k-5")

Positive = Annotated[float, Meta(gt=0)]
_DEFAULTS = KernelSettings()


class OwnerConfig(Struct, frozen=True, kw_only=True):
    """Paths are absolute. Sizes are in bytes, times in seconds.

    `socket` is the owner's own, in a short private folder; its kernels' are put beside it.
    `python` is the interpreter of the kernels' environment, not resolved to its base.
    `files` has one folder a conversation, which kernels see as `mount` and work in.
    `stream_limit` is how much text a cell can print before the rest is dropped.
    """

    socket: str
    python: str
    files: str
    mount: str = "/mnt/shared"
    start_timeout: Positive = 60
    memory: int = _DEFAULTS.memory
    cpu_seconds: int = _DEFAULTS.cpu_seconds
    file_size: int = _DEFAULTS.file_size
    processes: int = _DEFAULTS.processes
    idle_timeout: Positive = _DEFAULTS.idle_timeout
    max_kernels: int = _DEFAULTS.max_kernels
    sandbox: bool = _DEFAULTS.sandbox
    stream_limit: int = 16 * MIB

    def __post_init__(self) -> None:
        """Refuse what cannot work, before anything is started."""
        for name in ("socket", "python", "files", "mount"):
            if not Path(getattr(self, name)).is_absolute():
                raise ValueError(f"{name} must be an absolute path")
        longest = len(os.fsencode(self.folder)) + LONGEST_KERNEL_SOCKET
        if max(longest, len(os.fsencode(self.socket))) > SOCKET_PATH_LIMIT:
            raise ValueError(f"the folder of {self.socket} has too long a path for sockets")

    @property
    def folder(self) -> Path:
        """The private folder of all sockets."""
        return Path(self.socket).parent


def owner_config(settings: Settings, *, python: Path, files: Path, socket_dir: Path) -> OwnerConfig:
    """The configuration of this machine's owner, from Pybot's settings."""
    kernels = settings.kernels
    return OwnerConfig(
        socket=str(socket_dir / "owner.sock"),
        python=str(python.absolute()),
        files=str(files.resolve()),
        mount=settings.jupyter.shared_volume_mount_path,
        start_timeout=settings.jupyter.start_timeout,
        memory=kernels.memory,
        cpu_seconds=kernels.cpu_seconds,
        file_size=kernels.file_size,
        processes=kernels.processes,
        idle_timeout=kernels.idle_timeout,
        max_kernels=kernels.max_kernels,
        sandbox=kernels.sandbox,
        stream_limit=4 * settings.limits.max_kept_output,
    )


def read_config(path: Path) -> OwnerConfig:
    """Read a configuration file. Raises msgspec.DecodeError."""
    return msgspec.json.decode(path.read_bytes(), type=OwnerConfig)
