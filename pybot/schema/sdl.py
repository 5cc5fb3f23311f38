"""The schema as text, as it stands in `schema.graphql`."""

from graphql import build_client_schema, introspection_from_schema, print_schema

from pybot.schema.root import build_schema


def print_sdl() -> str:
    """The SDL of what is served, with descriptions, `@oneOf` and `@specifiedBy`.

    Printed from what introspection answers: printing the schema's own objects fails on the
    defaults of enums.
    """
    # Strawberry gives its GraphQL schema nowhere else.
    schema = build_schema()._schema  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    introspection = introspection_from_schema(schema)
    return print_schema(build_client_schema(introspection)) + "\n"
