"""Clients in JavaScript do with Pybot what their documentation promises.

The programs, and what they look at, are in `javascript/`.
"""

from pathlib import Path

import pytest

from tests.clients.project import run, run_program
from tests.clients.promises import Expired
from tests.fixtures.server import Server

CLIENTS = ("apollo", "eventsource", "graphql-sse", "graphql-ws", "relay", "urql")


def test_generated_types_compile(project: Path) -> None:
    """With the programs that use them: GraphQL Code Generator's and Relay's."""
    run(project, "node_modules/.bin/tsc")


@pytest.mark.parametrize("client", CLIENTS)
async def test_client_reads_changes_and_follows(
    client: str, project: Path, server: Server, expired: Expired
) -> None:
    """A query, a mutation, typed errors, and subscriptions that outlive their connections."""
    await run_program(
        ["node", "--import", "tsx", f"{client}.test.ts"], project, server.url, expired
    )
