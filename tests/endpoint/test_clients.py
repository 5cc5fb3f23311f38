"""A client that others wrote understands the endpoint."""

import pytest
from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tests.endpoint.conftest import Server


async def test_gql_asks_over_http_with_introspection(server: Server) -> None:
    transport = AIOHTTPTransport(url=f"http://127.0.0.1:{server.port}/graphql", ssl=False)
    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        assert await session.execute(gql("{hello}")) == {"hello": "hello world"}
        assert await session.execute(gql("mutation {change}")) == {"change": 1}


async def test_gql_follows_over_a_websocket(server: Server) -> None:
    transport = WebsocketsTransport(url=f"ws://127.0.0.1:{server.port}/graphql")
    async with Client(transport=transport) as session:
        ticks = session.subscribe(gql("subscription {ticks {number}}"))
        assert [event["ticks"]["number"] async for event in ticks] == [1, 2, 3]
        with pytest.raises(TransportQueryError) as caught:
            async for _ in session.subscribe(gql("subscription {expired}")):
                pass
        (error,) = caught.value.errors or []
        assert error["extensions"] == {"code": "NOT_FOUND"}
    await server.until_generators(0)
