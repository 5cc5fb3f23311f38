"""What clients may read of errors, and what the log has."""

import logging

import pytest

from tests.endpoint.conftest import Server
from tests.endpoint.sample import SECRET


@pytest.mark.parametrize("field", ["boom", "hardBoom", "tooBig"])
async def test_bug_is_masked_and_logged_under_its_id(
    server: Server, caplog: pytest.LogCaptureFixture, field: str
) -> None:
    response = await server.ask(f"{{{field}}}")
    (error,) = response.json()["errors"]
    error_id = error["extensions"]["id"]
    assert error["message"] == f"Something went wrong on our side. Please report ID {error_id}."
    assert error["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "id": error_id}
    assert error["path"] == [field]
    assert SECRET not in response.text
    (record,) = caplog.records
    assert record.name.startswith("pybot.")
    assert record.levelno == logging.ERROR
    assert error_id in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[2] is not None


async def test_error_with_a_code_reaches_the_client(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    (error,) = (await server.ask("{missing}")).json()["errors"]
    assert error["message"] == "There is no such thing."
    assert error["extensions"] == {"code": "NOT_FOUND"}
    assert caplog.records == []


async def test_bug_outside_of_the_schema_is_masked(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    response = await server.ask("{hello}", headers={"x-user": "broken"})
    (error,) = response.json()["errors"]
    assert response.status_code == 500
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["extensions"]["id"] in caplog.text
    assert SECRET not in response.text


async def test_null_for_an_argument_that_needs_a_value_is_the_clients_mistake(
    server: Server,
) -> None:
    query = 'query($n: String = "x") {hello(name: $n)}'
    (error,) = (await server.ask(query, json={"variables": {"n": None}})).json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "argument": ["name"]}
