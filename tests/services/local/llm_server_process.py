"""The local model's server as a process."""

import subprocess
import sys

COMMAND = [sys.executable, "-m", "pybot.services.local.llm_server"]
LISTENING = "Listening on "
WAIT = 100  # seconds, for a machine that does a lot else


def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A server on a free port, and where it listens."""
    process = subprocess.Popen([*COMMAND, "--port", "0", *arguments], stdout=-1, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith(LISTENING)
    return process, line.removeprefix(LISTENING).strip()


def end(process: subprocess.Popen[str]) -> int:
    process.terminate()
    assert process.stdout is not None
    process.stdout.close()
    return process.wait(WAIT)
