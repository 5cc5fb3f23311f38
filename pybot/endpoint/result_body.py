"""The body of an answer, the same over HTTP and in event streams."""

from strawberry.types import ExecutionResult

from pybot.endpoint.upstream_strawberry import PreExecutionError


def result_body(result: ExecutionResult) -> dict[str, object]:
    """The result as JSON carries it: no `data` when nothing was executed."""
    body: dict[str, object] = {}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if not isinstance(result, PreExecutionError):
        body["data"] = result.data
    if result.extensions:
        body["extensions"] = result.extensions
    return body
