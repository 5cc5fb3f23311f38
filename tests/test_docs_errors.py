"""docs/errors.md has every code that Pybot gives, and no other."""

import ast
import inspect
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from graphql import GraphQLEnumType, build_schema
from strawberry.http import async_base_view
from strawberry.subscriptions.protocols.graphql_transport_ws import handlers

from pybot import errors
from pybot.errors import PybotError
from tests.documented import first_cells

ROOT = Path(__file__).parent.parent
# What stays in a worker, and the base's own.
INSIDE = {"ERROR", "SUPERSEDED"}
# Of files and answers in progress, which are HTTP's own.
PLAIN = {200, 304, 421, 500, 503}


def calls() -> Iterator[ast.Call]:
    """Every call in Pybot's own code at the border."""
    files = [*(ROOT / "pybot" / "endpoint").glob("*.py"), *(ROOT / "pybot").glob("*.py")]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                yield node


def refused_statuses() -> set[int]:
    """The statuses that requests are refused with before GraphQL sees them."""
    return {
        call.args[0].value
        for call in calls()
        if isinstance(call.func, ast.Name)
        and call.func.id == "Refusal"
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, int)
    }


def codes_of_endpoint() -> set[str]:
    """The codes that stand in the code of the endpoint and beside it: texts in capitals."""
    texts: set[str] = set()
    for file in [*(ROOT / "pybot" / "endpoint").glob("*.py"), ROOT / "pybot" / "auth.py"]:
        found = re.findall(r'"([A-Z]{3,}(?:_[A-Z]+)*)"', file.read_text())
        texts.update(found)
    return texts - {"GET", "POST"}


def codes_of_errors() -> set[str]:
    """The codes of expected failures."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return {kind.code for kind in kinds if issubclass(kind, PybotError)} - INSIDE


def close_codes() -> set[int]:
    """The close codes of our own code and of the handler that it stands on."""
    sources = [inspect.getsource(handlers), inspect.getsource(async_base_view)]
    sources += [file.read_text() for file in (ROOT / "pybot" / "endpoint").glob("*.py")]
    sources.append((ROOT / "pybot" / "auth.py").read_text())
    return {
        int(code)
        for source in sources
        for code in re.findall(r"\b(1009|1012|44\d\d|4500)\b", source)
    }


@pytest.mark.parametrize(
    ("section", "enum"),
    [("UserError.code", "UserErrorCode"), ("RunError.code", "RunErrorCode")],
)
def test_every_value_of_an_enum_is_described(section: str, enum: str) -> None:
    kind = build_schema((ROOT / "schema.graphql").read_text()).type_map[enum]
    assert isinstance(kind, GraphQLEnumType)
    assert first_cells(section) == list(kind.values)


def test_every_code_of_an_error_is_described() -> None:
    assert first_cells("extensions.code") == sorted(codes_of_endpoint() | codes_of_errors())


def test_every_status_is_described() -> None:
    found = [int(cell) for cell in first_cells("HTTP statuses")]
    assert found == sorted(refused_statuses() | PLAIN)
    assert all(HTTPStatus(status) for status in found)


def test_every_close_code_is_described() -> None:
    found = [int(cell) for cell in first_cells("Close codes of WebSockets")]
    assert found == sorted(close_codes())
