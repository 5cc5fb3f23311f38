"""The client that ariadne-codegen makes of the schema is typed, and keeps Pybot's promises.

The program, in `ariadne/`, runs in an environment of its own: it takes an older graphql-core.
"""

import shutil
import sys
from pathlib import Path

import pytest

from tests.clients.project import CLIENTS, ROOT, run, run_program
from tests.clients.promises import Expired
from tests.fixtures.server import Server

BIN = ROOT / ".venv-clients" / "bin"


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program beside its generated client."""
    folder = tmp_path_factory.mktemp("ariadne")
    for source in (CLIENTS / "ariadne").glob("*.*"):
        shutil.copy(source, folder)
    shutil.copy(CLIENTS / "documents.graphql", folder)
    shutil.copy(ROOT / "schema.graphql", folder)
    run(folder, str(BIN / "python"), "-m", "ariadne_codegen")
    return folder


def test_generated_client_is_typed(generated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the program that uses it."""
    monkeypatch.setenv("MYPYPATH", str(ROOT))
    options = ["--python-executable", str(BIN / "python")]
    cache = ["--cache-dir", str(ROOT / ".mypy_cache" / "clients")]
    run(generated, sys.executable, "-m", "mypy", *options, *cache, "program.py")


async def test_generated_client_reads_changes_and_follows(
    generated: Path, server: Server, expired: Expired, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query, a mutation, typed errors, and subscriptions that outlive their connections."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    await run_program([str(BIN / "python"), "program.py"], generated, server.url, expired)
