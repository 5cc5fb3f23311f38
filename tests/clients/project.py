"""The programs in JavaScript, made ready beside their generated code and run."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.clients.promises import Expired

CLIENTS = Path(__file__).parent
SOURCES = CLIENTS / "javascript"
ROOT = CLIENTS.parents[1]
USER = "ann"


def make_project(folder: Path) -> Path:
    """Copy the sources to a folder and generate the code that they import."""
    for pattern in ("*.ts", "*.json"):
        for source in SOURCES.glob(pattern):
            shutil.copy(source, folder)
    shutil.copy(CLIENTS / "documents.graphql", folder)
    shutil.copy(ROOT / "schema.graphql", folder)
    (folder / "node_modules").symlink_to(SOURCES / "node_modules")
    run(folder, "node", "--import", "tsx", "generate.ts")
    run(folder, "node_modules/.bin/relay-compiler")
    return folder


def run(folder: Path, *command: str) -> None:
    """Run a command; fails with what it said."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"


async def run_program(command: list[str], folder: Path, url: str, expired: Expired) -> None:
    """Run a client of the server at this URL to its end; what it says is shown when it fails."""
    environment = {
        **os.environ,
        "PYBOT_URL": url,
        "PYBOT_USER": USER,
        "PYBOT_TRIMMED_CONVERSATION": expired.conversation,
        "PYBOT_EXPIRED_CURSOR": expired.cursor,
    }
    with tempfile.TemporaryFile() as said:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            await process.wait()
        finally:
            if process.returncode is None:  # the test took too long
                process.kill()
                await process.wait()
            said.seek(0)
            sys.stdout.write(said.read().decode())
    assert process.returncode == 0, f"{' '.join(command)} failed"
