"""What is said of variables: which one, where in it, and what it must be."""

from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, parse

from pybot.endpoint.variables import check_variables
from pybot.schema.scalars import parse_datetime
from tests.endpoint.conftest import Server

SCHEMA = build_schema("""
type Query {
  find(filter: Filter, ids: [ID!], target: Target, size: Size, count: Int, at: Moment): String
}
input Filter { text: String!, flag: Boolean, ratio: Float, below: Filter, many: [[Int!]] }
input Target @oneOf { id: ID, name: String }
enum Size { SMALL LARGE }
scalar Moment
""")


def found(variables: str, values: dict[str, Any] | None) -> list[tuple[list[str], str]]:
    """The arguments and messages of what is wrong."""
    (operation,) = parse(f"query({variables}) {{ find }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    errors = check_variables(SCHEMA, operation, values)
    assert {(error.extensions or {})["code"] for error in errors} <= {"BAD_USER_INPUT"}
    return [((error.extensions or {})["argument"], error.message) for error in errors]


@pytest.mark.parametrize(
    ("variables", "value"),
    [
        ("$x: Filter!", {"text": "", "flag": True, "ratio": 1, "below": {"text": "x"}}),
        ("$x: Filter", None),
        ("$x: Filter", {"text": "x", "below": None, "many": [[1], None, []]}),
        ("$x: Filter", {"text": "x", "many": 1}),
        ("$x: [ID!]!", ["a", 1]),
        ("$x: [ID!]!", "a"),
        ("$x: Target!", {"id": "a"}),
        ("$x: Target!", {"name": ""}),
        ("$x: Size", "SMALL"),
        ("$x: Int", 2**31 - 1),
        ("$x: Moment", {"any": "thing"}),
    ],
)
def test_what_fits_is_let_through(variables: str, value: object) -> None:
    assert found(variables, {"x": value, "more": 1}) == []


@pytest.mark.parametrize("values", [None, {}])
def test_only_what_has_no_default_and_no_null_is_required(values: dict[str, Any] | None) -> None:
    variables = "$x: Int!, $d: Int! = 1, $n: Int"
    assert found(variables, values) == [(["x"], "`$x` is required.")]


@pytest.mark.parametrize(
    ("variables", "value", "place", "message"),
    [
        ("$x: Int!", None, "x", "`$x` must not be null."),
        ("$x: Int", "1", "x", "`$x` must be a whole number of 32 bits."),
        ("$x: Int", 2**31, "x", "`$x` must be a whole number of 32 bits."),
        ("$x: Int", float("inf"), "x", "`$x` must be a whole number of 32 bits."),
        ("$x: String", 1, "x", "`$x` must be a string."),
        ("$x: ID", 1.5, "x", "`$x` must be a string or a whole number."),
        ("$x: Size", "small", "x", "`$x` must be one of `SMALL`, `LARGE`."),
        ("$x: Size", ["SMALL"], "x", "`$x` must be one of `SMALL`, `LARGE`."),
        ("$x: [ID!]", ["a", None], "x 1", "`$x[1]` must not be null."),
        ("$x: Filter", [], "x", "`$x` must be an object."),
        ("$x: Filter", {}, "x text", "`$x.text` is required."),
        ("$x: Filter", {"text": None}, "x text", "`$x.text` must not be null."),
        (
            "$x: Filter",
            {"text": "", "below": {"text": "", "flag": 1}},
            "x below flag",
            "`$x.below.flag` must be true or false.",
        ),
        (
            "$x: Filter",
            {"text": "", "ratio": float("inf")},
            "x ratio",
            "`$x.ratio` must be a finite number.",
        ),
        (
            "$x: Filter",
            {"text": "", "many": [[0], [1, "x"]]},
            "x many 1 1",
            "`$x.many[1][1]` must be a whole number of 32 bits.",
        ),
        (
            "$x: Filter",
            {"text": "", "own": 1},
            "x own",
            "`$x.own` is not known: `Filter` has no such field.",
        ),
        ("$x: Target", {}, "x", "`$x` must have exactly one of `id`, `name`."),
        (
            "$x: Target",
            {"id": "a", "name": "b"},
            "x",
            "`$x` must have exactly one of `id`, `name`.",
        ),
        ("$x: Target", {"id": None}, "x id", "`$x.id` must not be null."),
    ],
)
def test_what_does_not_fit_is_named(
    variables: str, value: object, place: str, message: str
) -> None:
    assert found(variables, {"x": value}) == [(place.split(), message)]


def test_errors_repeat_nothing_long_and_are_few() -> None:
    (error,) = found("$x: Filter", {"x": {"text": "", "é" * 100_000: 1}})
    assert len(error[1]) < 200
    assert len(found("$x: [Int!]", {"x": [None] * 1000})) == 10


def test_scalars_of_our_own_say_what_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SCHEMA.type_map["Moment"], "coerce_input_value", parse_datetime)
    assert found("$x: Moment", {"x": "today"}) == [
        (["x"], "`$x` is no Moment: Not a DateTime in ISO 8601: 'today'.")
    ]


async def test_wrong_variables_are_errors_over_http(server: Server) -> None:
    query = "query($n: Int, $m: [ID!]!) {items(first: $n) {name} nodes(ids: $m) {name}}"
    response = await server.ask(query, json={"variables": {"n": "secret", "m": [None]}})
    first, second = response.json()["errors"]
    assert first == {
        "message": "`$n` must be a whole number of 32 bits.",
        "locations": [{"line": 1, "column": 7}],
        "extensions": {"code": "BAD_USER_INPUT", "argument": ["n"]},
    }
    assert second["extensions"]["argument"] == ["m", "0"]
