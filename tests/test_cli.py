"""The command line, as a person meets it: real processes and real signals."""

import json
import signal
import time
from pathlib import Path

import httpx2
import pytest

from pybot import __version__
from pybot.services.kernels.local import LocalKernels
from pybot.services.local.data_folder import open_data_folder
from pybot.serving import bind
from tests.fixtures.pybot_process import PybotProcess, StartPybot, running

# A place for the model where nobody answers: it is not needed, and takes seconds to start.
NO_MODEL = {"LLM__URL": "http://127.0.0.1:1"}
NO_INTEGER = "Input should be a valid integer, unable to parse string as an integer"
NO_URL = "Input should be a URL such as http://host:8080"
NO_PAGE = "Input should be a path such as /oauth2/sign_out, or a URL"
NO_REDIS_URL = "Input should be a URL such as redis://host:6379 or unix:///path"
ADVICE = "make it writable, or name another folder with --data-dir"
CREATE = 'mutation { createConversation(input: {title: "Kept"}) { conversation { id } } }'
ENDS_WITHIN = 5  # seconds, as README promises
TITLES = "{ viewer { conversations { nodes { title } } } }"


def finish(pybot: PybotProcess) -> tuple[int, str, str]:
    """Wait for the end: exit code, what it said, and what it complained of."""
    said, _ = pybot.process.communicate()
    return pybot.process.returncode, said, pybot.log.read_text()


def ask(url: str, query: str) -> object:
    """The data that answers a query."""
    answer = httpx2.post(f"{url}/graphql", json={"query": query}).json()
    assert "errors" not in answer, answer
    return answer["data"]


async def start_kernel(pybot_data: Path) -> None:
    """Start a kernel, as a run does."""
    config = json.loads((pybot_data / "logs" / "kernel-owner.json").read_text())
    kernels = LocalKernels(Path(config["socket"]))
    await kernels.start("a-conversation", "someone")
    await kernels.aclose()


def assert_gone(pids: list[int]) -> None:
    """None of the processes is left, or will be in a moment."""
    deadline = time.monotonic() + 5
    while left := running(pids):
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


async def test_ctrl_c_ends_everything_and_data_stays(
    start_pybot: StartPybot, pybot_data: Path
) -> None:
    """Within 5 seconds no process is left, kernels included; the next start has the data."""
    arguments = ("up", "--port", "0", "--data-dir", str(pybot_data))
    pybot = start_pybot(*arguments, **NO_MODEL)
    ask(pybot.url(), CREATE)
    await start_kernel(pybot_data)
    started = pybot.descendants()
    assert len(started) >= 3
    assert pybot.end(signal.SIGINT) < ENDS_WITHIN
    assert pybot.process.returncode == 0
    assert running(started) == []
    assert "Traceback" not in pybot.log.read_text()

    again = start_pybot(*arguments, **NO_MODEL)
    titles = {"viewer": {"conversations": {"nodes": [{"title": "Kept"}]}}}
    assert ask(again.url(), TITLES) == titles


def test_ctrl_c_while_starting_ends_what_has_started(
    start_pybot: StartPybot, pybot_data: Path
) -> None:
    """An impatient person gets the prompt back, with nothing behind it."""
    pybot = start_pybot("up", "--port", "0", "--data-dir", str(pybot_data))
    assert pybot.process.stdout is not None
    assert pybot.process.stdout.readline() == "Starting Redis …\n"
    assert "ready in" in pybot.process.stdout.readline()
    started = pybot.descendants()
    assert pybot.end(signal.SIGINT) < ENDS_WITHIN
    assert running(started) == []
    assert (pybot.process.returncode, pybot.log.read_text()) == (0, "")


async def test_sigkill_leaves_nobody_behind(start_pybot: StartPybot, pybot_data: Path) -> None:
    """The system ends the children of a killed process; the model and kernels too."""
    pybot = start_pybot("up", "--port", "0", "--data-dir", str(pybot_data))
    pybot.url()
    await start_kernel(pybot_data)
    started = pybot.descendants()
    assert len(started) >= 4
    pybot.end(signal.SIGKILL)
    assert_gone(started)


async def test_second_up_on_same_data_is_refused(start_pybot: StartPybot, pybot_data: Path) -> None:
    """One line that names the first one, and no traceback."""
    with open_data_folder(pybot_data):
        pybot = start_pybot("up", "--port", "0", "--data-dir", str(pybot_data))
        code, _, complaint = finish(pybot)
    assert code == 1
    assert complaint.startswith("pybot: Pybot already runs on ")
    assert complaint.count("\n") == 1


def test_taken_port_is_one_line(start_pybot: StartPybot, tmp_path: Path) -> None:
    """Said before anything is started or written."""
    with bind("127.0.0.1", 0, loopback_only=True) as taken:
        port = str(taken.getsockname()[1])
        pybot = start_pybot("up", "--port", port, "--data-dir", str(tmp_path / "data"))
        code, said, complaint = finish(pybot)
    assert (code, said) == (1, "")
    assert complaint.startswith(f"pybot: Cannot listen on 127.0.0.1:{port} (")
    assert complaint.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_dead_program_is_one_line(start_pybot: StartPybot, pybot_data: Path) -> None:
    """When Redis cannot read its data, its own words are quoted."""
    manifest = pybot_data / "redis" / "appendonlydir" / "appendonly.aof.manifest"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("not a manifest\n")
    code, _, complaint = finish(start_pybot("up", "--port", "0", "--data-dir", str(pybot_data)))
    assert code == 1
    assert complaint.startswith("pybot: Redis ended (exited with 1): ")
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "complaint"),
    [
        (
            ("schema",),
            {"RUN__MAX_STEPS": "many", "LLM__URLL": "x", "RUN__WHATEVER": "1"},
            2,
            [
                "pybot: LLM__URLL is no setting: did you mean LLM__URL?",
                f"pybot: RUN__MAX_STEPS: {NO_INTEGER}",
                "pybot: RUN__WHATEVER is no setting",
            ],
        ),
        (
            ("serve",),
            {
                "REDIS_OM_URL": "redis://:secret@host:port",
                "LLM__URL": "nonsense",
                "JUPYTER__GATEWAY_URL": "http://:80",
                "KERNELS__PYTHON": "/nowhere/python",
            },
            2,
            [
                f"pybot: JUPYTER__GATEWAY_URL: {NO_URL}",
                "pybot: KERNELS__PYTHON: Path does not point to a file",
                f"pybot: LLM__URL: {NO_URL}",
                f"pybot: REDIS_OM_URL: {NO_REDIS_URL}",
            ],
        ),
        *(
            (("schema",), {"SIGN_OUT_URL": url}, 2, [f"pybot: SIGN_OUT_URL: {NO_PAGE}"])
            for url in (
                "sign_out",
                "//example.org/",
                "/\\example.org",
                "javascript:alert(1)",
                "/a b",
            )
        ),
        (
            ("schema",),
            {"ALLOWED_ORIGINS": "https://example.org"},
            2,
            ["pybot: ALLOWED_ORIGINS: Input should be valid JSON"],
        ),
        (
            ("serve",),
            {"LOCAL_USER": "me"},
            1,
            ["pybot: LOCAL_USER is for `pybot up` alone: unset it"],
        ),
        (
            ("up", "--data-dir", "/proc/data", "--port", "0"),
            {},
            1,
            [f"pybot: Cannot write to /proc/data (No such file or directory): {ADVICE}"],
        ),
    ],
)
def test_mistake_is_one_line_that_names_it(
    start_pybot: StartPybot,
    arguments: tuple[str, ...],
    settings: dict[str, str],
    code: int,
    complaint: list[str],
) -> None:
    """What is wrong, where, and nothing else."""
    found_code, said, found = finish(start_pybot(*arguments, **settings))
    assert (found_code, said) == (code, "")
    assert sorted(found.splitlines()) == complaint


def test_version_is_printed(start_pybot: StartPybot) -> None:
    """The one that the package has."""
    assert finish(start_pybot("--version"))[:2] == (0, f"pybot {__version__}\n")


def test_serve_waits_for_redis(start_pybot: StartPybot, tmp_path: Path) -> None:
    """In production back ends come and go: it logs what is missing, and ends at a signal."""
    url = f"unix://{tmp_path}/nothing.sock"
    pybot = start_pybot("serve", "--port", "0", REDIS_OM_URL=url)
    pybot.wait_for_log('event="not ready yet: Redis ')
    pybot.end(signal.SIGTERM)
    assert pybot.process.returncode == 0


def test_doctor_says_what_is_wrong_and_what_to_do(start_pybot: StartPybot, redis_url: str) -> None:
    """Each back end has its line; the exit code is for scripts."""
    environment = {**NO_MODEL, "REDIS_OM_URL": redis_url, "LLM__MODEL": "some-model"}
    code, said, _ = finish(start_pybot("doctor", **environment))
    assert code == 1
    assert "ok   Redis: Valkey 9" in said
    assert "without the search module" in said
    assert "FAIL model: no model some-model answers at http://127.0.0.1:1\n" in said
    assert "→ start it, correct LLM__URL" in said
    assert "FAIL kernels: " in said


def test_doctor_finds_local_stack_well(start_pybot: StartPybot) -> None:
    """What `pybot up` would start, started and tried: a kernel too."""
    code, said, complaint = finish(start_pybot("doctor", "--local"))
    assert code == 0, said + complaint
    assert said.count("ok   ") == 3
    assert "ok   kernels: one started in " in said
