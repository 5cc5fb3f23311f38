"""The overlays, built once for each test process."""

from pathlib import Path

import pytest

from tests.manifests.tools import MANIFESTS, OVERLAYS, Object, build, parse


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The file of each overlay as it would be applied."""
    folder = tmp_path_factory.mktemp("manifests")
    files = {name: folder / f"{name}.yaml" for name in OVERLAYS}
    for name, file in files.items():
        file.write_text(build(MANIFESTS / "overlays" / name))
    return files


@pytest.fixture(scope="session")
def parsed(built: dict[str, Path]) -> dict[str, list[Object]]:
    """The objects of each overlay."""
    return {name: parse(file.read_text()) for name, file in built.items()}


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    """Each overlay in turn."""
    name: str = request.param
    return name


@pytest.fixture
def objects(overlay: str, parsed: dict[str, list[Object]]) -> list[Object]:
    """The objects of an overlay."""
    return parsed[overlay]
