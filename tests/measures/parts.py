"""How much of the schema the tests use, with success, over the endpoint of the whole application.

The codes of errors count in the endpoint's own tests as well, which serve another schema.

Each process writes what it has seen to a file of its own. What was asked of other processes (`pybot
serve`, `pybot up`) is not counted.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType, GraphQLSchema

from tests.documented import first_cells
from tests.measures.finding import Finding
from tests.measures.recorder import CODES, TALLY
from tests.selections import SCHEMA

# What no test can use, and why. Whatever is used has to go from here.
UNUSED: dict[str, str] = {
    "CellAuthor.USER": "no mutation runs a user's code yet",
    "CellStatus.AWAITING_APPROVAL": "nothing asks for approval yet",
    "CellStatus.REJECTED": "nothing asks for approval yet",
    "KernelStatus.RESTORING": "no mutation restores a kernel yet",
    "RunErrorCode.EXECUTION_TIMEOUT": "the model is told instead, and goes on",
    "RunErrorCode.UNANSWERED": "nothing waits for an answer yet",
    "RunErrorCode.WORKER_LOST": "another worker takes the run up instead",
    "RunPhase.AWAITING_APPROVAL": "nothing asks for approval yet",
    "RunPhase.AWAITING_INPUT": "code cannot ask for input yet",
    "extensions.code CONFLICT": "all that can be in conflict has a payload to say so",
}


def save(folder: Path) -> None:
    """Write what this process has seen."""
    (folder / f"parts.{os.getpid()}.json").write_bytes(
        msgspec.json.encode(sorted(TALLY.seen | CODES.seen))
    )


def verify(folder: Path) -> Finding:
    """Compare what all processes have seen with what there is."""
    seen: set[str] = set()
    for file in folder.glob("parts.*.json"):
        seen |= msgspec.json.decode(file.read_bytes(), type=set[str])
    wanted = {*parts_of(SCHEMA), *codes()}
    lines = [f"not used: {part}" for part in sorted(wanted - seen - UNUSED.keys())]
    lines += [f"used, but listed as unused: {part}" for part in sorted(seen & UNUSED.keys())]
    lines += [f"there is none: {part}" for part in sorted(UNUSED.keys() - wanted)]
    used = f"{len(wanted & seen)} of {len(wanted)} parts of the schema and codes of errors"
    return Finding(f"{used} were used (all but {len(UNUSED)})", "\n".join(lines))


def parts_of(schema: GraphQLSchema) -> Iterator[str]:
    """Every field of an object, argument, field of an input and value of an enum."""
    for name, kind in schema.type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType):
            for key, field in kind.fields.items():
                yield f"{name}.{key}"
                yield from (f"{name}.{key}({argument}:)" for argument in field.args)
        elif isinstance(kind, GraphQLInputObjectType):
            yield from (f"{name}.{key}" for key in kind.fields)
        elif isinstance(kind, GraphQLEnumType):
            yield from (f"{name}.{value}" for value in kind.values)


def codes() -> Iterator[str]:
    """Every code that an error can have in its `extensions`."""
    yield from (f"extensions.code {code}" for code in first_cells("extensions.code"))
