"""What the clients of others are built in."""

from pathlib import Path

import pytest

from tests.clients.project import make_project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs in JavaScript with their generated code."""
    return make_project(tmp_path_factory.mktemp("javascript"))
