"""What a client selected below a field, where that decides what has to be read first."""

from collections.abc import Iterator
from typing import cast

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionSetNode,
)

from pybot.context import Context, Info


def selects(info: Info, name: str, *, deeper: bool = False) -> bool:
    """Whether the field `name` is selected anywhere below the present one.

    With `deeper`, its own fields do not count, only those of the objects below. Skipped fields
    count as selected. Every fragment is walked once: a fragment bomb costs its length.
    """
    # Strawberry's own `info.selected_fields` expands fragments exponentially.
    raw = cast(
        "GraphQLResolveInfo[Context]",
        info._raw_info,  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    )
    fields = [field for node in raw.field_nodes for field in _fields(raw, node.selection_set)]
    if deeper:
        fields = [child for field in fields for child in _fields(raw, field.selection_set)]
    seen: set[str] = set()
    while fields:
        field = fields.pop()
        if field.name.value == name:
            return True
        fields.extend(_fields(raw, field.selection_set, seen))
    return False


def _fields(
    raw: GraphQLResolveInfo[Context],
    selection_set: SelectionSetNode | None,
    seen: set[str] | None = None,
) -> Iterator[FieldNode]:
    """The fields of a selection, through its fragments; those in `seen` are passed over."""
    seen = set() if seen is None else seen
    pending = [] if selection_set is None else [selection_set]
    while pending:
        for selection in pending.pop().selections:
            match selection:
                case FieldNode():
                    yield selection
                case InlineFragmentNode():
                    pending.append(selection.selection_set)
                case FragmentSpreadNode() if selection.name.value not in seen:
                    seen.add(selection.name.value)
                    pending.append(raw.fragments[selection.name.value].selection_set)
                case _:
                    pass
