"""The programs in JavaScript, made ready beside their generated code and run."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

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


async def run_program(command: list[str], folder: Path, url: str) -> None:
    """Run a client of the server at this URL, to its end; fails with what it said."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, "PYBOT_URL": url, "PYBOT_USER": USER},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        pytest.fail(f"{' '.join(command)}:\n{said.decode()}", pytrace=False)
