"""Events of a subscription, executed from a selection that is compiled once.

graphql-core executes the whole operation anew for every event, which takes longer than anything
else that happens to a token. A selection does not change while its operation lasts, so for each
type of event it is compiled into its leaves when the first one comes. Whatever is more than plain
attributes with valid values (objects, lists, resolvers, arguments, values that are refused) is
executed by graphql-core, so that the results are the same.
"""

from collections.abc import Callable
from typing import Any

from graphql import FieldNode, GraphQLNonNull, GraphQLObjectType, Undefined, is_leaf_type
from msgspec import Struct
from strawberry.types import get_object_definition
from typing_extensions import override

from pybot.endpoint.upstream_graphql import EventExecutor, selection_of
from pybot.endpoint.upstream_strawberry import attribute_of

# Of these types a value of this class is its own result.
_AS_IT_IS: dict[str, type] = {"String": str, "ID": str, "Boolean": bool}


class Leaf(Struct, frozen=True):
    """A selected field whose value is an attribute; `typename` stands for itself."""

    key: str
    attribute: str = ""
    plain: type | None = None
    coerce: Callable[[Any], Any] | None = None
    nullable: bool = False
    typename: str = ""


class Plan(Struct, frozen=True):
    """The leaves of one type of event, under the response key of the subscription's field."""

    key: str
    leaves: tuple[Leaf, ...]

    def data(self, event: object) -> dict[str, Any] | None:
        """The data of an event; None when it is to be executed."""
        values: dict[str, Any] = {}
        for leaf in self.leaves:
            value = leaf.typename or getattr(event, leaf.attribute)
            if not leaf.typename and type(value) is not leaf.plain:
                value = _coerced(leaf, value)
                if value is Undefined:
                    return None
            values[leaf.key] = value
        return {self.key: values}


class Progress:
    """How far a subscription has come; the executor writes it when this is the root value.

    `cursor` is that of the event whose result came last, for events that have one.
    """

    def __init__(self) -> None:
        self.cursor: str | None = None

    def take(self) -> str | None:
        """The cursor, once: what comes without an event, as errors do, has none."""
        cursor, self.cursor = self.cursor, None
        return cursor


class CompiledExecutor(EventExecutor):
    """Executes an operation, and each of a subscription's events by a plan where there is one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._plans: dict[type, Plan | None] = {}

    @override
    def event_data(self, event: object) -> dict[str, Any] | None:
        """Return the data of an event by the plan for its class; None when it has none."""
        if isinstance(self.root_value, Progress):
            self.root_value.cursor = getattr(event, "cursor", None)
        kind = type(event)
        if kind not in self._plans:
            self._plans[kind] = self._compile(kind)
        plan = self._plans[kind]
        return plan.data(event) if plan else None

    def _compile(self, kind: type) -> Plan | None:
        """The plan for events of a class; None when they must be executed."""
        definition = get_object_definition(kind)
        object_type = self.schema.get_type(definition.name) if definition else None
        if not isinstance(object_type, GraphQLObjectType):
            return None
        selection = selection_of(self, object_type)
        if selection is None:
            return None
        leaves = [_leaf(object_type, key, node) for key, node in selection.nodes.items()]
        compiled = tuple(leaf for leaf in leaves if leaf is not None)
        return Plan(selection.key, compiled) if len(compiled) == len(leaves) else None


def _leaf(object_type: GraphQLObjectType, key: str, node: FieldNode) -> Leaf | None:
    """A selected field as a leaf; None when it is more than that."""
    if node.name.value == "__typename":
        return Leaf(key, typename=object_type.name)
    field = object_type.fields.get(node.name.value)
    if field is None or field.args:
        return None
    is_nullable = not isinstance(field.type, GraphQLNonNull)
    leaf_type: Any = field.type if is_nullable else field.type.of_type
    attribute = attribute_of(field)
    if attribute is None or not is_leaf_type(leaf_type):
        return None
    return Leaf(
        key, attribute, _AS_IT_IS.get(leaf_type.name), leaf_type.coerce_output_value, is_nullable
    )


def _coerced(leaf: Leaf, value: Any) -> Any:
    """A value as the leaf's type gives it; Undefined when execution has to say what is wrong."""
    if value is None:
        return None if leaf.nullable else Undefined
    assert leaf.coerce is not None
    try:
        coerced = leaf.coerce(value)
    except Exception:
        return Undefined
    return Undefined if coerced is None else coerced
