"""The process that owns the kernels: limits, culling, and how it ends."""

import asyncio
import contextlib
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

from pybot.config import Settings
from pybot.services.kernels.base import (
    KernelDied,
    KernelNotice,
    KernelUnavailable,
    Printed,
    Started,
)
from pybot.services.kernels.local import LocalKernels
from pybot.services.kernels.owner_protocol import Request, encode
from pybot.services.local.owner_config import OwnerConfig, owner_config
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


async def output(kernels: LocalKernels, kernel_id: str, code: str) -> str:
    """What code prints."""
    reactions = kernels.execute(kernel_id, code, message_id=uuid4().hex)
    return "".join([item.text async for item in reactions if isinstance(item, Printed)])


def test_kernels_at_once_are_limited(make_owner: MakeOwner) -> None:
    """One more than allowed is refused with what to do while all are in use."""
    config = make_owner(max_kernels=1)

    async def scenario() -> None:
        kernels = LocalKernels(Path(config.socket))
        first = await kernels.start("one", "tester")
        code = "import time; print('on', flush=True); time.sleep(60)"
        async with contextlib.aclosing(
            kernels.execute(first, code, message_id=uuid4().hex)
        ) as reactions:
            assert isinstance(await anext(reactions), Started)
            with pytest.raises(KernelUnavailable, match="KERNELS__MAX_KERNELS"):
                await kernels.start("two", "tester")
        await kernels.shutdown(first)
        assert await kernels.is_alive(await kernels.start("two", "tester"))
        await kernels.aclose()

    asyncio.run(scenario())


def test_kernel_that_is_idle_longest_makes_room(make_owner: MakeOwner) -> None:
    """A place that somebody needs is not kept for a kernel that only waits."""
    config = make_owner(max_kernels=2)

    async def scenario() -> None:
        kernels = LocalKernels(Path(config.socket))
        first = await kernels.start("one", "tester")
        second = await kernels.start("two", "tester")
        await output(kernels, first, "x = 1")
        await asyncio.sleep(1.2)
        third = await kernels.start("three", "tester")
        alive = [await kernels.is_alive(each) for each in (first, second, third)]
        assert alive == [True, False, True]
        await kernels.aclose()

    asyncio.run(scenario())


def test_idle_kernel_is_culled_and_busy_one_is_not(make_owner: MakeOwner) -> None:
    """Who uses a kernel keeps it alive, and its end is told to all who listen."""
    config = make_owner(idle_timeout=0.8)

    async def scenario() -> None:
        kernels, other = LocalKernels(Path(config.socket)), LocalKernels(Path(config.socket))
        notices = other.notices()
        notice = asyncio.ensure_future(anext(notices))
        kernel_id = await kernels.start("culled", "tester")
        assert await output(kernels, kernel_id, "import time; time.sleep(2); print(1)") == "1\n"
        assert not notice.done()
        async with asyncio.timeout(10):
            assert await notice == KernelNotice(
                conversation_id="culled", kernel_id=kernel_id, status="culled"
            )
        with pytest.raises(KernelDied):
            await output(kernels, kernel_id, "1")
        await kernels.aclose()
        await other.aclose()

    asyncio.run(scenario())


def test_client_that_vanishes_gives_its_kernel_back(make_owner: MakeOwner) -> None:
    """A client that was killed in the middle of a cell does not keep the kernel for ever."""
    config = make_owner(idle_timeout=0.8)

    async def scenario() -> None:
        kernels = LocalKernels(Path(config.socket))
        kernel_id = await kernels.start("left", "tester")
        _, writer = await asyncio.open_unix_connection(config.socket)
        writer.write(encode(Request(id=1, op="open", kernel_id=kernel_id)))
        notice = asyncio.ensure_future(anext(kernels.notices()))
        await asyncio.sleep(0)
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(10):
            assert (await notice).status == "culled"
        await kernels.aclose()

    asyncio.run(scenario())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_kernels_end_with_their_owner(make_owner: MakeOwner, number: signal.Signals) -> None:
    """However the owner ends, nothing of it is left within 3 s, and clients hear of it."""
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


def test_without_sandbox_only_when_told_to(make_owner: MakeOwner) -> None:
    """The setting runs kernels with the user's own rights, and the log warns of it."""
    config = make_owner(sandbox=False)

    async def scenario() -> None:
        kernels = LocalKernels(Path(config.socket))
        await kernels.check()
        kernel_id = await kernels.start("free", "tester")
        code = "import os; print(os.getuid(), os.getcwd(), os.environ.get('PYTEST_VERSION'))"
        folder = Path(config.files, "free")
        assert await output(kernels, kernel_id, code) == f"{os.getuid()} {folder} None\n"
        await kernels.interrupt(kernel_id)
        await kernels.restart(kernel_id)
        assert await output(kernels, kernel_id, "print(np.ones(1))") == "[1.]\n"
        await kernels.aclose()

    asyncio.run(scenario())
    log = Path(config.files).with_name("kernel-owner.log").read_text()
    assert "WARNING" in log
    assert "without a sandbox" in log


def test_files_of_code_that_is_shut_down_are_written_out(make_owner: MakeOwner) -> None:
    """A kernel that is shut down politely closes what its code left open."""
    config = make_owner()

    async def scenario() -> None:
        kernels = LocalKernels(Path(config.socket))
        kernel_id = await kernels.start("open", "tester")
        await output(kernels, kernel_id, "f = open('kept.txt', 'w'); f.write('buffered')")
        await kernels.shutdown(kernel_id)
        await kernels.aclose()

    asyncio.run(scenario())
    assert Path(config.files, "open", "kept.txt").read_text() == "buffered"


@pytest.mark.parametrize("conversation_id", ["", ".", "..", "a/b", "../x", "a b", "x" * 65, "ü"])
def test_strange_conversation_ids_are_refused(
    kernel_owner_config: OwnerConfig, conversation_id: str
) -> None:
    """An ID names a folder, so it is held to what cannot leave it."""

    async def scenario() -> None:
        kernels = LocalKernels(Path(kernel_owner_config.socket))
        with pytest.raises(KernelUnavailable):
            await kernels.start(conversation_id, "tester")
        await kernels.aclose()

    asyncio.run(scenario())


def test_missing_python_is_told(make_owner: MakeOwner, tmp_path: Path) -> None:
    """An environment that is not there is named, by the check and the start."""
    config = make_owner(python=str(tmp_path / "bin" / "python"))

    async def scenario() -> None:
        kernels = LocalKernels(Path(config.socket))
        with pytest.raises(KernelUnavailable, match=str(tmp_path)):
            await kernels.check()
        await kernels.aclose()

    asyncio.run(scenario())


def test_garbage_is_let_go(kernel_owner_config: OwnerConfig) -> None:
    """A client that does not speak the protocol is disconnected, and the owner lives on."""

    async def scenario() -> None:
        for garbage in (b"hello\n", b'{"id":1,"op":"format"}\n', b"x" * 200_000):
            reader, writer = await asyncio.open_unix_connection(kernel_owner_config.socket)
            writer.write(garbage)
            with contextlib.suppress(ConnectionResetError):  # it did not read all of it
                assert await reader.read() == b""
            writer.close()
        kernels = LocalKernels(Path(kernel_owner_config.socket))
        await kernels.check()
        await kernels.aclose()

    asyncio.run(scenario())


def test_door_is_for_the_user_alone(kernel_owner_config: OwnerConfig) -> None:
    """Whoever can open the socket can run code."""
    assert Path(kernel_owner_config.socket).stat().st_mode & 0o077 == 0


def test_many_clients_start_kernels_at_once(make_owner: MakeOwner) -> None:
    """Concurrent starts do not get in each other's way."""
    config = make_owner()

    async def scenario() -> None:
        clients = [LocalKernels(Path(config.socket)) for _ in range(3)]
        names = [f"c{number}" for number in range(3)]
        ids = await asyncio.gather(
            *(client.start(name, "tester") for client, name in zip(clients, names, strict=True))
        )
        codes = [f"open('{name}', 'w').close(); print('{name}')" for name in names]
        said = await asyncio.gather(
            *(output(clients[0], found, code) for found, code in zip(ids, codes, strict=True))
        )
        assert said == [f"{name}\n" for name in names]
        assert all(Path(config.files, name, name).exists() for name in names)
        for client in clients:
            await client.aclose()

    asyncio.run(scenario())


def test_configuration_comes_from_the_settings(tmp_path: Path) -> None:
    """Each limit has its setting."""
    settings = Settings(kernels={"memory": 2**30, "sandbox": False, "max_kernels": 3})  # type: ignore[arg-type]  # as from the environment
    config = owner_config(settings, python=KERNEL_PYTHON, files=tmp_path, socket_dir=Path("/run/p"))
    assert (config.memory, config.sandbox, config.max_kernels) == (2**30, False, 3)
    assert config.socket == "/run/p/owner.sock"
    assert config.mount == "/mnt/shared"


@pytest.mark.parametrize(
    "wrong", [{"socket": "owner.sock"}, {"socket": f"/{'x' * 100}/owner.sock"}, {"files": "files"}]
)
def test_paths_that_cannot_work_are_refused(wrong: dict[str, str]) -> None:
    """Relative paths, and folders in which sockets' names would be too long."""
    values = {"socket": "/run/p/owner.sock", "python": "/p/bin/python", "files": "/files", **wrong}
    with pytest.raises(ValueError, match="path"):
        OwnerConfig(**values)  # type: ignore[arg-type]  # all of them are text
