"""The local stack: it starts what is not named, and nothing of it is left behind."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from pybot.config import JupyterSettings, KernelSettings, LlmSettings, Settings
from pybot.services.kernels.local import LocalKernels
from pybot.services.local.data_folder import DataFolder, open_data_folder
from pybot.services.local.stack import kernel_python, local_stack

MODEL_ELSEWHERE = LlmSettings(url="http://localhost:1")
GATEWAY_ELSEWHERE = JupyterSettings(gateway_url="http://localhost:1")


@pytest.fixture
def data(tmp_path: Path) -> Iterator[DataFolder]:
    """A data folder with spaces, far below the root: 120 characters and more."""
    below = tmp_path / "a clone far below" / ("x" * 120)
    with open_data_folder(below / ".pybot") as folder:
        yield folder
    assert not folder.sockets.exists()


def ignore(_line: str) -> None:
    """Nobody reads the progress."""


def processes_below(folder: Path) -> list[str]:
    """The processes that run in a folder or with a file of it."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where, line = (process / "cwd").readlink(), (process / "cmdline").read_text()
        except OSError:
            continue  # it has just ended
        if where.is_relative_to(folder) or str(folder) in line:
            found.append(line)
    return found


async def test_starts_what_is_not_named_and_ends_it(data: DataFolder) -> None:
    """Redis and kernels of its own, reached by the settings that it gives."""
    lines: list[str] = []
    async with local_stack(Settings(llm=MODEL_ELSEWHERE), data, lines.append) as settings:
        async with Redis.from_url(settings.redis_om_url.get_secret_value()) as client:
            assert await client.set("key", "value")
        assert settings.jupyter.owner_socket is not None
        kernels = LocalKernels(settings.jupyter.owner_socket)
        await kernels.check()
        await kernels.aclose()
        assert settings.local_user == "local"
        assert settings.llm == MODEL_ELSEWHERE
        assert processes_below(data.path)
    assert not processes_below(data.path)
    assert lines[0] == "Starting Redis …"


async def test_what_is_named_is_not_started(data: DataFolder, redis_url: str) -> None:
    """With everything elsewhere, nothing runs here and nothing of the settings changes."""
    named = Settings.model_validate(
        {"redis_om_url": redis_url, "llm": MODEL_ELSEWHERE, "jupyter": GATEWAY_ELSEWHERE}
    )
    lines: list[str] = []
    async with local_stack(named, data, lines.append) as settings:
        assert settings == named.model_copy(update={"local_user": "local"})
        assert not processes_below(data.path)
    assert lines == []


async def test_data_is_there_after_restart(data: DataFolder) -> None:
    """What Redis confirmed outlives the stack."""
    named = Settings(llm=MODEL_ELSEWHERE, jupyter=GATEWAY_ELSEWHERE)
    for expected in (None, b"kept"):
        async with (
            local_stack(named, data, ignore) as settings,
            Redis.from_url(settings.redis_om_url.get_secret_value()) as client,
        ):
            assert await client.get("key") == expected
            await client.set("key", "kept")


def test_kernels_run_the_python_that_is_named_else_that_of_the_set_up_else_pybots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pybot.__file__", str(tmp_path / "pybot" / "__init__.py"))
    python = tmp_path / ".venv-kernels" / "bin" / "python"
    assert kernel_python(Settings()) == Path(sys.executable)
    python.parent.mkdir(parents=True)
    python.touch()
    assert kernel_python(Settings()) == Path(sys.executable)  # it is no program
    python.chmod(0o755)
    assert kernel_python(Settings()) == python
    (tmp_path / "named").touch()
    named = Settings(kernels=KernelSettings(python=tmp_path / "named"))
    assert kernel_python(named) == tmp_path / "named"
