"""What is selected below a field."""

import time

import pytest
import strawberry
from strawberry.extensions import DisableValidation

from pybot.context import Info
from pybot.schema.selection import selects


@strawberry.type
class Leaf:
    wanted: int = 1


@strawberry.type
class Branch:
    leaf: Leaf = strawberry.field(default_factory=Leaf)
    wanted: int = 1

    @strawberry.field
    def branch(self) -> "Branch":
        return Branch()


seen: list[tuple[bool, bool]] = []


@strawberry.type
class Query:
    @strawberry.field
    def root(self, info: Info) -> Branch:
        seen.append((selects(info, "wanted"), selects(info, "wanted", deeper=True)))
        return Branch()


# Validation has fragment bombs of its own: the limits in front of it are the endpoint's.
schema = strawberry.Schema(Query, extensions=[DisableValidation])


FRAGMENTS = {
    "One": "fragment One on Branch { wanted }",
    "Two": "fragment Two on Leaf { wanted }",
}


@pytest.mark.parametrize(
    ("selection", "anywhere", "deeper"),
    [
        ("__typename", False, False),
        ("wanted", True, False),
        ("other: wanted", True, False),
        ("wanted @skip(if: true)", True, False),
        ("... { wanted }", True, False),
        ("...One", True, False),
        ("leaf { wanted }", True, True),
        ("... on Branch { leaf { ...Two } }", True, True),
        ("branch { branch { ...One } }", True, True),
        ("branch { __typename }", False, False),
        ("...One branch { ...One }", True, True),
    ],
)
def test_selection_is_found_through_fragments(selection: str, anywhere: bool, deeper: bool) -> None:
    used = [text for name, text in FRAGMENTS.items() if f"...{name}" in selection]
    assert ask(f"{{ root {{ {selection} }} }}", *used) == (anywhere, deeper)


def test_fragment_bomb_costs_its_length() -> None:
    """Each of 60 fragments spreads the next twice: expanded, they would be 2^60 fields."""
    fragments = [
        f"fragment F{n} on Branch {{ a: branch {{ ...F{n + 1} }} b: branch {{ ...F{n + 1} }} }}"
        for n in range(60)
    ]
    fragments.append("fragment F60 on Branch { leaf { __typename } }")
    query = "\n".join(["{ root { ...F0 @include(if: false) } }", *fragments])
    started = time.perf_counter()
    assert ask(query) == (False, False)
    assert time.perf_counter() - started < 1


def ask(*documents: str) -> tuple[bool, bool]:
    """What the resolver found to be selected: anywhere, deeper."""
    seen.clear()
    result = schema.execute_sync(" ".join(documents))
    assert result.errors is None, result.errors
    return seen[0]
