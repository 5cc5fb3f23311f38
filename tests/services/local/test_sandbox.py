"""Code in a kernel tries to break out, for real."""

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from uuid import uuid4

import pytest

from pybot.services.kernels.base import Printed, Raised
from pybot.services.kernels.local import LocalKernels
from pybot.services.local.kernel_folders import conversation_user
from pybot.services.local.owner_config import OwnerConfig
from pybot.services.records import StreamName

TRY = """
def attempt(action, *arguments, **options):
    try:
        print("DONE", repr(action(*arguments, **options)))
    except BaseException as error:
        print("REFUSED", type(error).__name__, getattr(error, "errno", None))
import ctypes, os, pathlib, resource, signal, socket, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)
"""


@pytest.fixture
def attacker(kernel_owner_config: OwnerConfig, local_kernels: LocalKernels) -> "Attacker":
    """A kernel in which code is tried."""
    return Attacker(kernel_owner_config, local_kernels)


class Attacker:
    """Runs code in kernels of the test's owner."""

    def __init__(self, config: OwnerConfig, kernels: LocalKernels) -> None:
        self.config = config
        self.kernels = kernels

    async def run(self, kernel_id: str, code: str) -> str:
        """What code prints, and what it raises."""
        said: list[str] = []
        async for item in self.kernels.execute(kernel_id, code, message_id=uuid4().hex):
            if isinstance(item, Printed) and item.name == StreamName.STDOUT:
                said.append(item.text)
            if isinstance(item, Raised):
                said.append(f"{item.ename}: {item.evalue}")
        return "".join(said).strip()

    async def attempt(self, kernel_id: str, call: str) -> str:
        """Try one call: `DONE value` or `REFUSED exception errno`."""
        return await self.run(kernel_id, f"{TRY}\nattempt({call})")


@pytest.fixture
async def own_kernel_id(local_kernels: LocalKernels) -> AsyncGenerator[str]:
    """A kernel that the test may break."""
    kernel_id = await local_kernels.start(uuid4().hex, "tester")
    yield kernel_id
    await local_kernels.shutdown(kernel_id)


async def test_other_conversations_are_not_there(attacker: Attacker, local_kernel_id: str) -> None:
    """A kernel sees its own conversation's folder and no other."""
    secret = Path(attacker.config.files, uuid4().hex, "secret.txt")
    secret.parent.mkdir()
    secret.write_text("a secret of somebody else")
    assert await attacker.attempt(local_kernel_id, f"open, {str(secret)!r}") == (
        "REFUSED FileNotFoundError 2"
    )
    found = await attacker.run(
        local_kernel_id, "import subprocess\nprint(subprocess.getoutput('ls /mnt /mnt/shared'))"
    )
    assert found.split() == ["/mnt:", "shared", "/mnt/shared:"]


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/root/.bashrc", "/etc/hostname", "/home", "/var", "/sys", "/boot"]
)
async def test_files_of_the_machine_are_not_there(
    attacker: Attacker, local_kernel_id: str, path: str
) -> None:
    """Beside programs and libraries, nothing of the machine can be read."""
    said = await attacker.attempt(
        local_kernel_id,
        f"lambda p: os.listdir(p) if os.path.isdir(p) else open(p).read(), {path!r}",
    )
    assert said.startswith("REFUSED") or said == "DONE ['kernel']"  # /home: its own


async def test_programs_cannot_be_changed(attacker: Attacker, local_kernel_id: str) -> None:
    """What all kernels run is read-only to each."""
    for path in ("sys.executable", "sys.prefix + '/x'", "'/usr/bin/x'", "'/opt/kernel/main.py'"):
        said = await attacker.attempt(local_kernel_id, f"open, {path}, 'w'")
        assert said.startswith("REFUSED")


async def test_environment_of_the_server_is_hidden(
    attacker: Attacker, local_kernel_id: str
) -> None:
    """No process that can be seen has the server's environment."""
    said = await attacker.run(
        local_kernel_id,
        "import glob\n"
        "for path in glob.glob('/proc/[0-9]*/environ'):\n"
        "    try: print(open(path).read())\n"
        "    except OSError as error: print(path, type(error).__name__)\n",
    )
    assert "PYTEST" not in said
    assert os.environ["PATH"] not in said
    processes = await attacker.run(
        local_kernel_id, "import os; print(len([n for n in os.listdir('/proc') if n.isdigit()]))"
    )
    assert int(processes) <= 3


async def test_owners_socket_is_out_of_reach(attacker: Attacker, local_kernel_id: str) -> None:
    """A kernel cannot have kernels started, ended or opened."""
    said = await attacker.attempt(
        local_kernel_id,
        f"socket.socket(socket.AF_UNIX).connect, {attacker.config.socket!r}",
    )
    assert said == "REFUSED FileNotFoundError 2"
    assert await attacker.run(local_kernel_id, "print(os.listdir('/run'))") == "['kernel']"


async def test_redis_is_out_of_reach(
    attacker: Attacker, local_kernel_id: str, redis_server_url: str
) -> None:
    """Code that can write to Redis can run code in Pybot."""
    path = redis_server_url.partition("@")[2].partition("?")[0]
    assert Path(path).is_socket()
    said = await attacker.attempt(
        local_kernel_id, f"socket.socket(socket.AF_UNIX).connect, {path!r}"
    )
    assert said == "REFUSED FileNotFoundError 2"


async def test_other_kernels_are_out_of_reach(
    attacker: Attacker, local_kernel_id: str, own_kernel_id: str
) -> None:
    """Another kernel's sockets and connection file are not there."""
    folder = Path(attacker.config.folder, "k", own_kernel_id[:8])
    assert (folder / "s" / "k-1").is_socket()
    for name in ("s/k-1", "inside.json"):
        said = await attacker.attempt(local_kernel_id, f"os.stat, {str(folder / name)!r}")
        assert said == "REFUSED FileNotFoundError 2"


async def test_there_is_no_network(attacker: Attacker, local_kernel_id: str) -> None:
    """Neither the machine's own ports nor any other can be reached."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        said = await attacker.attempt(
            local_kernel_id, f"socket.create_connection, ('127.0.0.1', {port}), 2"
        )
        assert said.startswith("REFUSED ConnectionRefusedError")
    outside = await attacker.attempt(
        local_kernel_id, "socket.create_connection, ('192.0.2.1', 80), 2"
    )
    assert outside == "REFUSED OSError 101"  # network is unreachable
    names = await attacker.run(local_kernel_id, "print(os.listdir('/proc/self/net/dev_snmp6'))")
    assert names == "['lo']"


async def test_host_of_a_virtual_machine_is_out_of_reach(
    attacker: Attacker, local_kernel_id: str
) -> None:
    """Network namespaces do not separate vsock, so the call is refused."""
    said = await attacker.attempt(local_kernel_id, "socket.socket, 40, socket.SOCK_STREAM")
    assert said == "REFUSED OSError 97"


@pytest.mark.parametrize(
    "call",
    [
        "call, 'ptrace', 0, 0, 0, 0",
        "call, 'mount', b'none', b'/mnt', b'tmpfs', 0, None",
        "call, 'umount', b'/mnt/shared'",
        "call, 'unshare', 0x10000000",
        "call, 'setns', 0, 0",
        "os.setuid, 0",
        "os.chroot, '/tmp'",
        "os.mknod, '/tmp/disk', 0o60666, 2049",
    ],
)
async def test_privileged_calls_are_refused(
    attacker: Attacker, local_kernel_id: str, call: str
) -> None:
    """The calls that break out of sandboxes are refused."""
    assert await attacker.attempt(local_kernel_id, call) == "REFUSED PermissionError 1"


async def test_nothing_of_root_is_left(attacker: Attacker, local_kernel_id: str) -> None:
    """No capability, no way to gain one, no user ID 0 outside."""
    said = await attacker.run(
        local_kernel_id, "print(open('/proc/self/status').read(), os.getuid(), os.getgroups())"
    )
    status = dict(line.split(":\t", 1) for line in said.split("\n") if ":\t" in line)
    assert {status[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


async def test_kernel_does_not_run_as_root_outside(
    attacker: Attacker, local_kernels: LocalKernels
) -> None:
    """What it writes belongs to a user of the conversation's own, or to the ordinary user."""
    conversation_id = uuid4().hex
    kernel_id = await local_kernels.start(conversation_id, "tester")
    await attacker.run(kernel_id, "open('mine', 'w').close()")
    await local_kernels.shutdown(kernel_id)
    owner = Path(attacker.config.files, conversation_id, "mine").stat().st_uid
    assert owner == (conversation_user(conversation_id) if os.getuid() == 0 else os.getuid())
    assert owner != 0


async def test_user_namespace_cannot_be_made(attacker: Attacker, local_kernel_id: str) -> None:
    """A namespace of its own would give code the rights of root over it."""
    said = await attacker.run(
        local_kernel_id,
        "import subprocess; print(subprocess.run(['unshare', '-U', 'true']).returncode)",
    )
    assert said == "1"


async def test_fork_bomb_is_contained(attacker: Attacker, own_kernel_id: str) -> None:
    """There is an end to processes, and the kernel lives on."""
    code = """
import os, signal, time
children = []
try:
    while len(children) < 1000:
        child = os.fork()
        if not child:
            time.sleep(60)
            os._exit(0)
        children.append(child)
except BlockingIOError:
    print("no more", len(children))
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""
    words = (await attacker.run(own_kernel_id, code)).split()
    assert words[:2] == ["no", "more"]
    assert int(words[2]) < attacker.config.processes
    assert await attacker.run(own_kernel_id, "print('alive')") == "alive"


async def test_memory_has_an_end(attacker: Attacker, local_kernel_id: str) -> None:
    """Too much memory is a MemoryError, and the kernel lives on."""
    size = attacker.config.memory
    assert (await attacker.run(local_kernel_id, f"x = bytearray({size})")).startswith("MemoryError")
    assert await attacker.run(local_kernel_id, "print('alive')") == "alive"


async def test_files_have_an_end(attacker: Attacker, local_kernel_id: str) -> None:
    """A file that grows too large is refused, and the kernel lives on."""
    size = attacker.config.file_size
    code = f"open('/mnt/shared/big', 'wb', buffering=0).seek({size}); "
    code += f"f = open('/mnt/shared/big', 'r+b', buffering=0); f.seek({size}); f.write(b'x')"
    assert (await attacker.run(local_kernel_id, code)).startswith("OSError: [Errno 27]")
    assert await attacker.run(local_kernel_id, "os.unlink('big'); print('alive')") == "alive"


async def test_memory_disks_are_small(attacker: Attacker, local_kernel_id: str) -> None:
    """The folders that lie in memory cannot fill it."""
    code = """
import os, shutil
for path in ("/tmp", "/dev/shm", "/home/kernel"):
    print(shutil.disk_usage(path).total <= 256 * 1024 * 1024, os.access(path, os.W_OK))
"""
    assert (await attacker.run(local_kernel_id, code)).split() == ["True"] * 6


async def test_files_written_by_the_kernel_are_in_its_folder(
    attacker: Attacker, local_kernels: LocalKernels
) -> None:
    """What the kernel writes is there outside, and what was there can be changed by it."""
    conversation_id = uuid4().hex
    folder = Path(attacker.config.files, conversation_id)
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "in.csv").write_text("1")
    kernel_id = await local_kernels.start(conversation_id, "tester")
    code = "open('out.txt', 'w').write('hello'); open('data/in.csv', 'a').write('2')"
    await attacker.run(kernel_id, code)
    await local_kernels.shutdown(kernel_id)
    assert (folder / "out.txt").read_text() == "hello"
    assert (folder / "data" / "in.csv").read_text() == "12"
