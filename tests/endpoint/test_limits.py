"""What a document may ask for, and that asking costs little whatever it asks."""

import time
from typing import Any

import pytest
from graphql import get_introspection_query
from strawberry.types.execution import PreExecutionError

from pybot.endpoint.schema import HardenedSchema
from tests.endpoint.sample import SampleContext, Watched, sample_schema

SCHEMA = sample_schema()


async def refused(
    query: str, schema: HardenedSchema = SCHEMA, **variables: Any
) -> tuple[str, object] | None:
    """Message and code when a query was refused before it ran."""
    result = await schema.execute(
        query, variable_values=variables, context_value=SampleContext("", Watched())
    )
    if not isinstance(result, PreExecutionError):
        return None
    (error,) = result.errors or []
    return error.message, (error.extensions or {})["code"]


def deep(levels: int) -> str:
    """A query of so many levels of fields with selections."""
    return "{" + "item {" + "child {" * (levels - 1) + "name" + "}" * (levels + 1)


@pytest.mark.parametrize(
    ("noun", "fits", "exceeds"),
    [
        ("depth", deep(15), deep(16)),
        (
            "number of aliases",
            "{" + "".join(f"a{n}: hello " for n in range(30)) + "}",
            "{" + "".join(f"a{n}: hello " for n in range(31)) + "}",
        ),
        (
            "number of directives",
            "{hello " + "@skip(if: false) hello " * 49 + "@skip(if: false)}",
            "{hello " + "@skip(if: false) hello " * 50 + "@skip(if: false)}",
        ),
        ("number of fields", "{" + "hello " * 500 + "}", "{" + "hello " * 501 + "}"),
        (
            "cost",
            "{items(first: 70) {items(first: 70) {name}}}",
            "{items(first: 71) {items(first: 71) {name}}}",
        ),
    ],
)
async def test_operation_may_have_so_much_and_no_more(noun: str, fits: str, exceeds: str) -> None:
    assert await refused(fits) is None
    refusal = await refused(exceeds)
    assert refusal is not None
    message, code = refusal
    assert message.startswith(f"The operation's {noun} is ")
    assert code == "QUERY_TOO_EXPENSIVE"


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{hello}", 1),
        ("{item {name}}", 2),
        ("{items(first: 10) {name child {name}}}", 1 + 10 * 3),
        ("{items(last: 10) {name}}", 1 + 10),
        ("{items(first: 3, last: 10) {name}}", 1 + 10),
        ("{items {name}}", 1 + 20),
        ("{items(first: null) {name}}", 1 + 20),
        ("{items(first: -5) {name}}", 1 + 1),
        ("{items(first: 1000000) {name}}", 1 + 100),
        ("{items(first: 99999999999999999999999) {name}}", 1 + 100),
        ("{items(first: 10) {items(first: 10) {name}}}", 1 + 10 * (1 + 10)),
        ('{nodes(ids: ["a", "b", "c"]) {name}}', 1 + 3),
        ("{nodes(ids: []) {name}}", 1 + 1),
        ("{item {media {... on Book {pages words} ... on Film {minutes}}}}", 2 + 2),
        ("{item {media {... on Film {minutes} ...B}}} fragment B on Book {pages words}", 2 + 2),
        ("{item {... {name} ...F}} fragment F on Item {name}", 1 + 2),
        ("{items(first: 5) {...F}} fragment F on Item {name child {name}}", 1 + 5 * 3),
    ],
)
async def test_cost_is_counted_exactly(query: str, cost: int) -> None:
    assert await refused(query, sample_schema(cost=cost)) in (None, invalid(query))
    refusal = await refused(query, sample_schema(cost=cost - 1))
    assert refusal is not None
    assert refusal[0] == f"The operation's cost is {cost}, and {cost - 1} at most is allowed."


def invalid(query: str) -> tuple[str, str] | None:
    """What validation says of a number that is no Int."""
    message = "`first` must be a whole number of 32 bits."
    return (message, "GRAPHQL_VALIDATION_FAILED") if "9" * 20 in query else None


PAGED = "query($n: Int, $m: Int = 30) {items(first: $n) {items(first: $m) {name}}}"


@pytest.mark.parametrize(
    ("variables", "cost"),
    [
        ({"n": 10, "m": 10}, 1 + 10 * 11),
        ({"n": 10}, 1 + 10 * 31),
        ({"n": None, "m": None}, 1 + 20 * 21),
        ({}, 1 + 20 * 31),
        ({"n": 2_000_000_000, "m": 1}, 1 + 100 * 2),
    ],
)
async def test_variables_decide_on_the_cost(variables: dict[str, Any], cost: int) -> None:
    schema = sample_schema(cost=cost - 1)
    assert await refused(PAGED, schema, n=1, m=1) is None
    refusal = await refused(PAGED, schema, **variables)
    assert refusal == (
        f"The operation's cost is {cost}, and {cost - 1} at most is allowed.",
        "QUERY_TOO_EXPENSIVE",
    )


async def test_list_in_a_variable_decides_on_the_cost() -> None:
    query = "query($ids: [ID!]!) {nodes(ids: $ids) {name}}"
    assert await refused(query, sample_schema(cost=100), ids=["a"] * 99) is None
    assert await refused(query, sample_schema(cost=99), ids=["a"] * 99) is not None


async def test_introspection_fits() -> None:
    assert await refused(get_introspection_query(input_value_deprecation=True)) is None


async def test_introspection_cannot_be_asked_for_many_times() -> None:
    query = "{" + "".join(f"a{n}: __schema {{types {{name}}}} " for n in range(6)) + "}"
    refusal = await refused(query)
    assert refusal is not None
    assert refusal[1] == "QUERY_TOO_EXPENSIVE"


async def test_introspection_cannot_be_nested() -> None:
    query = "{__schema {types {fields {type {fields {type {fields {name}}}}}}}}"
    refusal = await refused(query)
    assert refusal is not None
    assert refusal[1] == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize("fragments", [20, 200])
async def test_fragments_that_double_each_other_are_refused_at_once(fragments: int) -> None:
    query = "{item {...F0}}" + "".join(
        f" fragment F{n} on Item {{child {{...F{n + 1}}} child {{...F{n + 1}}}}}"
        for n in range(fragments)
    )
    query += f" fragment F{fragments} on Item {{name}}"
    started = time.process_time()
    refusal = await refused(query)
    assert time.process_time() - started < 1
    assert refusal is not None
    assert refusal[1] == "QUERY_TOO_EXPENSIVE"


async def test_message_of_nested_fragments_is_short() -> None:
    query = "{item {...F0}}" + "".join(
        f" fragment F{n} on Item {{...F{n + 1} ...F{n + 1}}}" for n in range(90)
    )
    query += " fragment F90 on Item {name}"
    assert await refused(query) == (
        "The operation's number of fields is over 10^9, and 500 at most is allowed.",
        "QUERY_TOO_EXPENSIVE",
    )


@pytest.mark.parametrize(
    "query",
    [
        "{item {...F}} fragment F on Item {...F}",
        "{item {...F}} fragment F on Item {...G} fragment G on Item {...F}",
        "{item {...Nope}}",
        "{item {...F}} fragment F on Nope {name}",
        "{nope {first} items(first: nope) {name}}",
    ],
)
async def test_nonsense_is_left_to_validation(query: str) -> None:
    result = await SCHEMA.execute(query)
    assert isinstance(result, PreExecutionError)
    codes = {(error.extensions or {})["code"] for error in result.errors or []}
    assert codes == {"GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize(
    "query",
    [
        "{" + "hello " * 5000 + "}",
        "#\n" * 5000 + "{hello}",
        "{nodes(ids: [" + '"a" ' * 5000 + "])}",
    ],
)
async def test_long_document_is_not_parsed_to_its_end(query: str) -> None:
    refusal = await refused(query)
    assert refusal is not None
    assert refusal[1] == "QUERY_TOO_EXPENSIVE"


@pytest.mark.parametrize(
    "query", ["{item {" + "child {" * 1900 + "name" + "}" * 1902, "{hello(name: " + "[" * 1990]
)
async def test_deep_document_is_a_clients_mistake(query: str) -> None:
    refusal = await refused(query)
    assert refusal is not None
    assert refusal[1] in ("GRAPHQL_PARSE_FAILED", "QUERY_TOO_EXPENSIVE")


async def test_document_is_parsed_and_validated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("parse", "validate"):
        original = getattr(__import__("pybot.endpoint.documents", fromlist=[name]), name)

        def counted(*args: Any, original: Any = original, name: str = name, **options: Any) -> Any:
            calls.append(name)
            return original(*args, **options)

        monkeypatch.setattr(f"pybot.endpoint.documents.{name}", counted)
    schema = sample_schema()
    for _ in range(3):
        assert await refused("{hello}", schema) is None
    assert calls == ["parse", "validate"]


async def test_schemas_do_not_share_what_is_valid() -> None:
    assert await refused("{item {name}}", sample_schema(cost=1)) is not None
    assert await refused("{item {name}}", sample_schema(cost=2)) is None


async def test_worst_document_that_is_let_in_costs_little() -> None:
    query = "{" + "item {name} " * 250 + "}"
    started = time.process_time()
    assert await refused(query) is None
    assert time.process_time() - started < 4  # half of it where coverage is not measured
