"""The parts of the schema that the tests must use are those that it has."""

from pathlib import Path

import msgspec
import pytest
from graphql import build_schema

from tests.fixtures.server import Server
from tests.measures import parts
from tests.measures.recorder import TALLY
from tests.selections import SCHEMA


def test_parts_are_all_that_a_client_can_name() -> None:
    schema = build_schema("""
    type Query { pet(name: String): Pet }
    interface Pet { name: String }
    type Dog implements Pet { name: String, kind: Kind }
    input Feed { name: String! }
    enum Kind { BIG }
    """)
    assert set(parts.parts_of(schema)) == {
        "Query.pet",
        "Query.pet(name:)",
        "Dog.name",
        "Dog.kind",
        "Feed.name",
        "Kind.BIG",
    }


def test_part_that_no_process_has_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [*parts.parts_of(SCHEMA), *parts.codes()]
    monkeypatch.setattr(parts, "UNUSED", {wanted[2]: "not yet", "Gone.field": "it is gone"})
    (tmp_path / "parts.1.json").write_bytes(msgspec.json.encode(wanted[:1] + wanted[2:9]))
    (tmp_path / "parts.2.json").write_bytes(msgspec.json.encode(wanted[9:]))
    assert parts.verify(tmp_path).missing.splitlines() == [
        f"not used: {wanted[1]}",
        f"used, but listed as unused: {wanted[2]}",
        "there is none: Gone.field",
    ]


def test_nothing_is_missing_once_all_parts_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "UNUSED", {})
    wanted = [*parts.parts_of(SCHEMA), *parts.codes()]
    (tmp_path / "parts.1.json").write_bytes(msgspec.json.encode(wanted))
    assert parts.verify(tmp_path).missing == ""


async def test_what_clients_ask_is_read_along(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over HTTP, by GET as well, and over WebSockets."""
    monkeypatch.setattr(TALLY, "seen", set[str]())
    ann = server.user()
    await ann.ask("{ server { version } }")
    assert TALLY.seen == {"Query.server", "Server.version"}
    await ann.get("/graphql?query={viewer{username}}")
    assert {"Query.viewer", "Viewer.username"} <= TALLY.seen
    async with server.user("").http.post(f"{server.url}/graphql", json={}) as answer:
        assert answer.status == 401
    assert "extensions.code UNAUTHENTICATED" in TALLY.seen
    async with ann.socket() as socket:
        asked = socket.subscribe("query ($id: ID!) { node(id: $id) { id } viewer { id } }", id="x")
        async for _ in asked:
            pass
    assert {"Viewer.id"} <= TALLY.seen
    assert "Query.node" not in TALLY.seen
