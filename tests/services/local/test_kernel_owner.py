"""The process that owns the kernels: its limits, culling, and who may speak to it."""

import asyncio
import contextlib
import os
from pathlib import Path
from uuid import uuid4

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
    """An idle kernel is ended when its place is needed."""
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
    """A kernel with a client is not culled; all listeners get its end."""
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
    """A client that was killed in the middle of a cell does not count any more."""
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


def test_without_sandbox_only_when_the_settings_allow_it(make_owner: MakeOwner) -> None:
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


def test_missing_python_is_unavailable(make_owner: MakeOwner, tmp_path: Path) -> None:
    """An environment that is not there is named, by the check and the start."""
    config = make_owner(python=str(tmp_path / "bin" / "python"))

    async def scenario() -> None:
        kernels = LocalKernels(Path(config.socket))
        with pytest.raises(KernelUnavailable, match=str(tmp_path)):
            await kernels.check()
        await kernels.aclose()

    asyncio.run(scenario())


def test_kernel_that_does_not_answer_in_time_is_ended(make_owner: MakeOwner) -> None:
    """The place that it took is free again: one that has the time is started."""
    config = make_owner(start_timeout=0.001, max_kernels=1)

    async def scenario() -> None:
        kernels = LocalKernels(Path(config.socket))
        for _ in range(2):
            with pytest.raises(KernelUnavailable, match=r"did not answer within 0\.001 s"):
                await kernels.start("slow", "tester")
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
