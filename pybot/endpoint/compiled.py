"""Events of a subscription, executed from a selection that is compiled once.

graphql-core executes the whole operation anew for every event, which takes longer than anything
else that happens to a token. A selection does not change while its operation lasts, so for each
type of event it is compiled into its leaves when the first one comes. Whatever is more than plain
attributes with valid values (objects, lists, resolvers, arguments, values that are refused) is
executed as ever, so that the results are the same.
"""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLNonNull,
    GraphQLObjectType,
    OperationType,
    Undefined,
    get_named_type,
    is_leaf_type,
)
from graphql.execution import ExecutionResult
from graphql.execution.collect_fields import FieldDetails, collect_fields
from msgspec import Struct
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.base import get_object_definition
from strawberry.types.field import StrawberryField

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
    """How far a subscription has come. Given as an operation's root value, its executor notes it.

    `cursor` is that of the event whose result came last, for events that have one.
    """

    def __init__(self) -> None:
        self.cursor: str | None = None

    def take(self) -> str | None:
        """The cursor, once: what comes without an event, as errors do, has none."""
        cursor, self.cursor = self.cursor, None
        return cursor


class CompiledExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes an operation, and each of a subscription's events by a plan where there is one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._plans: dict[type, Plan | None] = {}

    def build_per_event_executor(self, payload: object) -> Any:
        """What executes one event."""
        if isinstance(self.root_value, Progress):
            self.root_value.cursor = getattr(payload, "cursor", None)
        kind = type(payload)
        if kind not in self._plans:
            self._plans[kind] = self._compile(kind)
        plan = self._plans[kind]
        data = plan.data(payload) if plan else None
        if data is None:
            return super().build_per_event_executor(payload)  # pyright: ignore[reportUnknownVariableType]
        return _Executed(ExecutionResult(data, None))

    def _compile(self, kind: type) -> Plan | None:
        """The plan for events of a class; None when they must be executed."""
        schema: Any = self.schema  # its types are generic in what is of no interest here
        root_type = schema.get_root_type(OperationType.SUBSCRIPTION)
        definition = get_object_definition(kind)
        object_type = schema.get_type(definition.name) if definition else None
        is_watched = self.middleware_manager is not None and self.middleware_manager.middlewares
        if root_type is None or not isinstance(object_type, GraphQLObjectType) or is_watched:
            return None
        root = collect_fields(
            self.schema, self.fragments, self.variable_values, root_type, self.operation
        )
        key, details = next(iter(root.grouped_field_set.items()))
        field = root_type.fields[details[0].node.name.value]
        field_type: Any = get_named_type(field.type)  # pyright: ignore[reportUnknownVariableType]
        is_of_type = object_type is field_type or schema.is_sub_type(field_type, object_type)
        selected = self.collect_subfields(object_type, details)
        if not is_of_type or root.new_defer_usages or selected.new_defer_usages:
            return None
        leaves = [
            _leaf(object_type, key, nodes) for key, nodes in selected.grouped_field_set.items()
        ]
        compiled = tuple(leaf for leaf in leaves if leaf is not None)
        return Plan(key, compiled) if len(compiled) == len(leaves) else None


class _Executed(Struct, frozen=True):
    """In place of an executor: the result is there."""

    result: ExecutionResult

    def execute_operation(self, serially: bool | None = None) -> ExecutionResult:  # noqa: ARG002
        return self.result


def _leaf(object_type: GraphQLObjectType, key: str, details: list[FieldDetails]) -> Leaf | None:
    """A selected field as a leaf; None when it is more than that."""
    node = details[0].node
    if node.name.value == "__typename":
        return Leaf(key, typename=object_type.name)
    field = object_type.fields.get(node.name.value)
    if field is None or field.args:
        return None
    is_nullable = not isinstance(field.type, GraphQLNonNull)
    leaf_type: Any = field.type if is_nullable else field.type.of_type
    source = field.extensions.get("strawberry-definition")
    is_attribute = isinstance(source, StrawberryField) and not (
        source.base_resolver or source.extensions or source.permission_classes
    )
    if not is_attribute or not is_leaf_type(leaf_type):
        return None
    assert isinstance(source, StrawberryField)
    return Leaf(
        key,
        source.python_name,
        _AS_IT_IS.get(leaf_type.name),
        leaf_type.coerce_output_value,
        is_nullable,
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
