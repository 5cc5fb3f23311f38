"""What counts as used is what was answered, of the type that it was answered for."""

from typing import Any

import pytest
from graphql import build_schema

from tests.measures.tally import Asked, Tally

SCHEMA = build_schema("""
type Query { pet(name: String, kind: Kind): Pet, pets(like: Like): [Pet!]! }
type Mutation { feed(input: Feed!): Fed! }
interface Pet { name: String!, owner: String }
type Dog implements Pet { name: String!, owner: String, barks: Boolean, kind: Kind }
type Cat implements Pet { name: String!, owner: String, purrs: Boolean }
type Fed { pet: Pet, errors: [String!]! }
input Feed { name: String!, with: [Food!], like: Like }
input Like { age: Int }
input Food { grams: Int }
enum Kind { BIG SMALL }
""")


def seen(query: str, data: Any, errors: Any = None, **variables: Any) -> set[str]:
    """The parts that one answer uses."""
    tally = Tally(SCHEMA)
    answer = {"data": data} | ({"errors": errors} if errors else {})
    tally.note(Asked(query, variables, None), answer)
    return tally.seen


def test_field_counts_once_it_has_a_value() -> None:
    query = "{ pet { __typename name owner } }"
    some = {"pet": {"__typename": "Dog", "name": "Rex", "owner": None}}
    assert seen(query, some) == {"Query.pet", "Dog.name"}
    some["pet"]["owner"] = "Ann"
    assert seen(query, some) == {"Query.pet", "Dog.name", "Dog.owner"}
    assert seen(query, {"pet": None}) == set()


def test_type_of_an_object_is_seen_by_its_fields() -> None:
    """Where several types have them, the field is the interface's."""
    query = "{ pets { name ...B ... on Cat { purrs } } } fragment B on Dog { barks }"
    dog, cat = {"name": "Rex", "barks": True}, {"name": "Tom", "purrs": True}
    assert seen(query, {"pets": [dog]}) == {"Query.pets", "Dog.name", "Dog.barks"}
    assert seen(query, {"pets": [cat]}) == {"Query.pets", "Cat.name", "Cat.purrs"}
    assert seen("{ pets { name } }", {"pets": [{"name": "Rex"}]}) == {"Query.pets", "Pet.name"}


def test_arguments_and_enums_count_where_they_are_given_or_received() -> None:
    query = 'query ($k: Kind) { one: pet(name: "x", kind: $k) { ... on Dog { kind } } }'
    assert seen(query, {"one": {"kind": "BIG"}}, k="SMALL") == {
        "Query.pet",
        "Query.pet(name:)",
        "Query.pet(kind:)",
        "Kind.SMALL",
        "Dog.kind",
        "Kind.BIG",
    }
    without = seen("query ($n: String) { pet(name: $n) { name } }", {"pet": {"name": "Rex"}})
    assert without == {"Query.pet", "Pet.name"}


@pytest.mark.parametrize("refused", [True, False])
def test_input_counts_when_the_change_was_made(refused: bool) -> None:
    query = "mutation ($i: Feed!) { feed(input: $i) { errors } }"
    given = {"name": "Rex", "with": [{"grams": 3}], "like": {"age": 2}}
    used = {"Feed.name", "Feed.with", "Food.grams", "Feed.like", "Like.age"}
    found = seen(query, {"feed": {"errors": ["no"] if refused else []}}, i=given)
    assert found == {"Mutation.feed", "Fed.errors"} | (
        set() if refused else {"Mutation.feed(input:)", *used}
    )


def test_codes_of_errors_count() -> None:
    errors = [{"message": "…", "extensions": {"code": "GONE"}}]
    assert seen("{ pet { name } }", None, errors) == {"extensions.code GONE"}
