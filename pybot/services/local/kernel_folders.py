"""The folders of one kernel: its conversation's, and a short private one for its sockets."""

import hashlib
import os
import re
import secrets
import shutil
from pathlib import Path

import msgspec

from pybot.services.kernels.base import KernelUnavailable
from pybot.services.kernels.owner_protocol import ConnectionInfo
from pybot.services.local.sandbox import HOME, RUNTIME, USER

CONVERSATION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
SOCKET_NAME = "k"
# User IDs that no distribution hands out, where all 32 bits are mapped; else (in a container of
# an ordinary user) ones in the upper half of the 65,536 that are.
WIDE_USERS = range(0x7000_0000, 0x7F00_0000)
NARROW_USERS = range(33_000, 60_000)


def conversation_folder(files: Path, conversation_id: str) -> Path:
    """The folder of a conversation, made if it is missing. KernelUnavailable for a strange ID."""
    if not CONVERSATION_ID.fullmatch(conversation_id):
        raise KernelUnavailable("This is no ID of a conversation.")
    folder = files / conversation_id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def conversation_user(conversation_id: str) -> int:
    """The user ID that a conversation's kernels run under where the owner is root."""
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    mapped = sum(int(line.split()[2]) for line in lines)
    users = WIDE_USERS if mapped > WIDE_USERS.stop else NARROW_USERS
    digest = hashlib.sha256(conversation_id.encode()).digest()
    return users[int.from_bytes(digest[:8]) % len(users)]


def give_folder(folder: Path, user: int) -> None:
    """Make a user the owner of a folder with all that is in it, following no link.

    It goes by open directories, so that a kernel that swaps one for a link changes nothing.
    """
    for _, folders, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        for name in (*folders, *files):
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if status.st_uid != user:
                os.chown(name, user, user, dir_fd=descriptor, follow_symlinks=False)
        if os.fstat(descriptor).st_uid != user:
            os.fchown(descriptor, user, user)


def write_runtime(runtime: Path, user: int | None) -> ConnectionInfo:
    """Create a kernel's private folder, replacing an old one; gives where its sockets will be.

    `inside.json` is the connection file as the sandbox sees it, `outside.json` as all others do.
    The kernel can write to the folder `s` alone: nobody takes a connection from a file there.
    """
    shutil.rmtree(runtime, ignore_errors=True)
    runtime.mkdir(parents=True, mode=0o700)
    sockets = runtime / "s"
    sockets.mkdir(mode=0o700)
    key = secrets.token_hex(32)
    outside = ConnectionInfo(ip=str(sockets / SOCKET_NAME), key=key)
    inside = ConnectionInfo(ip=f"{RUNTIME}/s/{SOCKET_NAME}", key=key)
    number = USER if user is None else user
    for name, text in {
        "inside.json": msgspec.json.encode(inside).decode(),
        "outside.json": msgspec.json.encode(outside).decode(),
        "passwd": f"kernel:x:{number}:{number}::{HOME}:/bin/sh\n",
        "group": f"kernel:x:{number}:\n",
    }.items():
        (runtime / name).write_text(text)
        (runtime / name).chmod(0o644)  # others have no access to the folder above
    if user is not None:
        os.chown(sockets, user, user)
    return outside
