"""The local model's server as a process: its port, its files, its end."""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.services.local.llm_server_process import COMMAND, WAIT, end


def test_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "--port", port], capture_output=True, text=True, timeout=WAIT, check=False
        )
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert f"cannot listen on port {port}" in done.stderr


def test_killed_server_leaves_nothing_after_the_next_start(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    if len(str(tmp_path)) >= 70:
        environment["TMPDIR"] = tempfile.gettempdir()
    killed = subprocess.Popen([*COMMAND, "--port", "0"], stdout=-1, text=True, env=environment)
    assert killed.stdout is not None
    killed.stdout.readline()
    folder = Path(environment["TMPDIR"])
    assert list(folder.glob(f"pybot-llm-{killed.pid}-*"))
    killed.kill()
    killed.wait()
    killed.stdout.close()
    again = subprocess.Popen([*COMMAND, "--port", "0"], stdout=-1, text=True, env=environment)
    assert again.stdout is not None
    again.stdout.readline()
    assert not list(folder.glob(f"pybot-llm-{killed.pid}-*"))
    assert end(again) == 0
    assert not list(folder.glob(f"pybot-llm-{again.pid}-*"))


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child of its parent's death"
)
def test_it_ends_with_its_parent() -> None:
    script = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({[*COMMAND, '--port', '0']!r}, stdout=subprocess.PIPE)\n"
        "print(child.stdout.readline().decode(), child.pid, flush=True)\n"
        "time.sleep(1000)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=-1, text=True)
    assert parent.stdout is not None
    port = int(parent.stdout.readline().rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        parent.kill()
        parent.wait()
        parent.stdout.close()
        connection.settimeout(WAIT)
        # The end of the server is the end of its connections.
        assert connection.recv(1) == b""
