"""Masks errors: clients see those that carry a code, and of all others a message with an ID."""

import logging
import secrets
from collections.abc import Callable

from graphql import FieldNode, GraphQLError

from pybot.endpoint.upstream_graphql import in_words_of_graphql
from pybot.endpoint.upstream_strawberry import StrawberryInputCoercionError

logger = logging.getLogger(__name__)

INTERNAL = "INTERNAL_SERVER_ERROR"
BAD_INPUT = "BAD_USER_INPUT"

# Gives the error in our words, or None.
Explain = Callable[[GraphQLError], GraphQLError | None]


def with_code(error: GraphQLError, code: str) -> GraphQLError:
    """The error in GraphQL's words, with a code that does not change between releases."""
    message = in_words_of_graphql(error.message)
    return _copy(error, message, {**(error.extensions or {}), "code": code})


def masked(error: GraphQLError, explain: Explain = lambda _: None) -> GraphQLError:
    """The error as a client sees it.

    Exceptions that carry `extensions["code"]` are meant for clients. What GraphQL itself says of
    variables and arguments is their mistake, which `explain` may put in our words. Everything else
    is a bug of ours.
    """
    if "code" in (error.extensions or {}):
        return error
    if _is_input_error(error):
        return explain(error) or with_code(error, BAD_INPUT)
    error_id, message = log_bug(error.original_error or error)
    return _copy(error, message, {"code": INTERNAL, "id": error_id})


def log_bug(error: BaseException) -> tuple[str, str]:
    """Log a bug with its traceback under a new ID; return the ID and the message for the client."""
    error_id = secrets.token_hex(8)
    logger.error("Unexpected error %s", error_id, exc_info=error)
    return error_id, f"Something went wrong on our side. Please report ID {error_id}."


def is_request_error(errors: list[GraphQLError] | None, data: object) -> bool:
    """Whether there are only errors that belong to no field: then nothing was executed."""
    return data is None and bool(errors) and all(error.path is None for error in errors or ())


def _is_input_error(error: GraphQLError) -> bool:
    """Whether graphql-core refuses a variable or an argument.

    Those point at a variable's definition or an argument's value, and errors of resolvers and of
    values that cannot be shown at a field; errors of a whole subscription point at nothing.
    Strawberry checks `@oneOf` while graphql-core coerces, which then points at nothing either.
    """
    if isinstance(error.original_error or error, StrawberryInputCoercionError):
        return True
    nodes = error.nodes or ()
    return bool(nodes) and not any(isinstance(node, FieldNode) for node in nodes)


def _copy(error: GraphQLError, message: str, extensions: dict[str, object]) -> GraphQLError:
    return GraphQLError(
        message, error.nodes, error.source, error.positions, error.path, None, extensions
    )
