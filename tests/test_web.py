"""The web app's files: which page a path is, and the headers of each."""

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from pybot.web import web_app

APP, EXPLORER = "<title>Pybot</title>", "<title>Pybot API explorer</title>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A build."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "graphiql-abc.js").write_text("1;" * 1000)
    (tmp_path / "index.html").write_text(APP)
    (tmp_path / "graphiql.html").write_text(EXPLORER)
    return tmp_path


def client_of(folder: Path, *, graphiql: bool = True) -> TestClient:
    """A client of the files."""
    return TestClient(Starlette(routes=[Mount("/", web_app(folder, graphiql=graphiql))]))


def styles_of(policy: str) -> str:
    """What a content security policy says of styles."""
    return next(rule for rule in policy.split("; ") if rule.startswith("style-src"))


@pytest.mark.parametrize("path", ["/", "/index.html", "/c/abc", "/graphiql/more", "/graphiqls"])
def test_other_paths_are_the_app(folder: Path, path: str) -> None:
    response = client_of(folder).get(path)
    assert response.text == APP
    assert styles_of(response.headers["content-security-policy"]) == "style-src 'self'"


@pytest.mark.parametrize("path", ["/graphiql", "/graphiql/", "/graphiql.html"])
def test_graphiql_is_a_page_of_its_own(folder: Path, path: str) -> None:
    """It alone may write styles; its scripts are files all the same, and no site may frame it."""
    response = client_of(folder).get(path)
    assert response.text == EXPLORER
    policy = response.headers["content-security-policy"]
    assert styles_of(policy) == "style-src 'self' 'unsafe-inline'"
    assert {"script-src 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/graphiql", "/graphiql/", "/graphiql.html"])
def test_graphiql_can_be_turned_off(folder: Path, path: str) -> None:
    client = client_of(folder, graphiql=False)
    assert client.get(path).status_code == 404
    assert client.get("/c/graphiql").text == APP


def test_files_are_compressed_and_cached(folder: Path) -> None:
    response = client_of(folder).get("/assets/graphiql-abc.js")
    assert response.headers["content-encoding"] == "gzip"
    assert "immutable" in response.headers["cache-control"]
    assert "unsafe-inline" not in response.headers["content-security-policy"]


def test_a_missing_file_is_no_page(folder: Path) -> None:
    assert client_of(folder).get("/assets/gone.js").status_code == 404


def test_a_missing_build_is_an_error_with_the_next_step(tmp_path: Path) -> None:
    response = client_of(tmp_path).get("/")
    assert response.status_code == 404
    assert "make setup" in response.text
