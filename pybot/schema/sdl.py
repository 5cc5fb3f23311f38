"""The schema as text, as it stands in `schema.graphql`."""

from graphql import build_client_schema, introspection_from_schema, print_schema

from pybot.endpoint.upstream_strawberry import graphql_schema
from pybot.schema.root import build_schema


def print_sdl() -> str:
    """The SDL of what is served, with descriptions, `@oneOf` and `@specifiedBy`.

    Printed from what introspection answers: printing the schema's own objects fails on the
    defaults of enums.
    """
    introspection = introspection_from_schema(graphql_schema(build_schema()))
    return print_schema(build_client_schema(introspection)) + "\n"
