"""What is wrong with a value that is given for an input type, in words for those who send it.

graphql-core checks the same, but speaks of its own values, repeats whatever was given, and says
nowhere which argument it means. Here each error names the place in its message and as
`extensions.argument`.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    Node,
    is_required_input_field,
)

from pybot.endpoint.upstream_strawberry import is_one_of

_MAX_NAME = 60

# What a value of a built-in scalar must be.
SCALAR_REQUIREMENTS = {
    "String": "must be a string",
    "ID": "must be a string or a whole number",
    "Int": "must be a whole number of 32 bits",
    "Float": "must be a finite number",
    "Boolean": "must be true or false",
}

Path = tuple[str | int, ...]
Problem = tuple[Path, str]


def input_error(
    path: Path, words: str, code: str, node: Node | None = None, *, sign: str = "$"
) -> GraphQLError:
    """The error of a value; `sign` stands before its place, which begins with a variable."""
    return GraphQLError(
        f"`{sign}{_shown(path)}` {words}.",
        node,
        extensions={"code": code, "argument": [_cut(str(step)) for step in path]},
    )


class InputValues(ABC):
    """Walks values along their types. Subclasses know how values of one notation are read."""

    def problems(self, kind: Any, value: Any, path: Path) -> Iterator[Problem]:
        """What is wrong with a value at a place; nothing for variables, which come later."""
        if self.is_variable(value):
            return
        if isinstance(kind, GraphQLNonNull):
            if self.is_null(value):
                yield path, "must not be null"
            else:
                yield from self.problems(kind.of_type, value, path)
            return
        if self.is_null(value):
            return
        if isinstance(kind, GraphQLList):
            yield from self._list(kind.of_type, value, path)
        elif isinstance(kind, GraphQLInputObjectType):
            yield from self._object(kind, value, path)
        elif words := self._leaf_problem(kind, value):
            yield path, words

    def is_variable(self, value: Any) -> bool:  # noqa: ARG002 (there are none in JSON)
        """Whether a variable stands in place of the value."""
        return False

    @abstractmethod
    def is_null(self, value: Any) -> bool:
        """Whether a value is null."""

    @abstractmethod
    def items(self, value: Any) -> Sequence[Any] | None:
        """The items of a list; None for anything else."""

    @abstractmethod
    def fields(self, value: Any) -> Sequence[tuple[str, Any]] | None:
        """The fields of an object; None for anything else."""

    @abstractmethod
    def enum_name(self, value: Any) -> str | None:
        """The name of an enum's value; None for anything else."""

    @abstractmethod
    def scalar_problem(self, kind: GraphQLScalarType, value: Any) -> str | None:
        """What is wrong with the value of a scalar."""

    def _leaf_problem(self, kind: GraphQLEnumType | GraphQLScalarType, value: Any) -> str | None:
        if isinstance(kind, GraphQLScalarType):
            return self.scalar_problem(kind, value)
        is_known = self.enum_name(value) in kind.values
        return None if is_known else f"must be one of {listed(kind.values)}"

    def _list(self, item_kind: Any, value: Any, path: Path) -> Iterator[Problem]:
        items = self.items(value)
        if items is None:
            # Lists take a single value as a list of one.
            yield from self.problems(item_kind, value, path)
        for index, item in enumerate(items or ()):
            yield from self.problems(item_kind, item, (*path, index))

    def _object(self, kind: GraphQLInputObjectType, value: Any, path: Path) -> Iterator[Problem]:
        fields = self.fields(value)
        if fields is None:
            yield path, "must be an object"
            return
        given: dict[str, Any] = {}
        for name, field_value in fields:
            if name not in kind.fields:
                yield (*path, name), f"is not known: `{kind.name}` has no such field"
            elif name in given:
                yield (*path, name), "is given twice"
            given[name] = field_value
        takes_one = is_one_of(kind)
        if takes_one and len(given) != 1:
            yield path, f"must have exactly one of {listed(kind.fields)}"
            return
        for name, field in kind.fields.items():
            if name in given:
                if takes_one and self.is_null(given[name]):
                    yield (*path, name), "must not be null"
                yield from self.problems(field.type, given[name], (*path, name))
            elif is_required_input_field(field):
                yield (*path, name), "is required"


def listed(names: Mapping[str, object]) -> str:
    """Names in a sentence."""
    return ", ".join(f"`{name}`" for name in names)


def _shown(path: Path) -> str:
    """A place as in `input.items[0].text`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{_cut(step)}" for step in path)
    return "".join(steps)[1:]


def _cut(name: str) -> str:
    name = name.encode(errors="replace").decode()
    return name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}…"
