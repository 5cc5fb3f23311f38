"""Expected failures as members of a payload."""

import pytest

from pybot import errors
from pybot.resolvers.payload_errors import PayloadErrors, decode_required
from pybot.schema.errors import ConflictError, LimitExceededError

RUN_ID = "c.r"


@pytest.mark.parametrize(
    ("error", "name", "code"),
    [
        (errors.InvalidInput("no"), "InvalidInputError", "INVALID"),
        (errors.NotFound("no"), "NotFoundError", "NOT_FOUND"),
        (errors.Conflict("no"), "ConflictError", "CONFLICT"),
        (errors.LimitExceeded("no"), "LimitExceededError", "LIMIT_EXCEEDED"),
        (errors.Unavailable("no"), "UnavailableError", "UNAVAILABLE"),
    ],
)
def test_each_expected_failure_has_its_type(error: errors.PybotError, name: str, code: str) -> None:
    with PayloadErrors() as failed:
        raise error
    found = failed.errors[0]
    assert (type(found).__name__, found.code.name, found.message) == (name, code, "no")
    assert found.path == []


def test_path_starts_at_the_input() -> None:
    with PayloadErrors() as failed:
        raise errors.InvalidInput("no", ("title",))
    assert failed.errors[0].path == ["input", "title"]


def test_path_leads_to_where_the_argument_lies_in_the_input() -> None:
    with PayloadErrors({"title": ("target", "newConversation", "title")}) as failed:
        raise errors.InvalidInput("no", ("title", "0"))
    assert failed.errors[0].path == ["input", "target", "newConversation", "title", "0"]


def test_conflict_and_limit_say_more() -> None:
    with PayloadErrors() as failed:
        raise errors.Conflict("no", run_id=RUN_ID)
    conflict = failed.errors[0]
    assert isinstance(conflict, ConflictError)
    assert conflict.run_id == RUN_ID
    with PayloadErrors() as failed:
        raise errors.LimitExceeded("no", retry_after=7)
    limit = failed.errors[0]
    assert isinstance(limit, LimitExceededError)
    assert limit.retry_after_seconds == 7


@pytest.mark.parametrize(
    "error", [errors.CursorExpired("no"), errors.Superseded("no"), KeyError("no")]
)
def test_what_is_no_failure_of_a_change_goes_on(error: Exception) -> None:
    with pytest.raises(type(error)), PayloadErrors():
        raise error


def test_malformed_id_of_an_argument_is_not_found() -> None:
    with pytest.raises(errors.NotFound) as refused:
        decode_required("Run", "nonsense", "runId")
    assert refused.value.path == ("runId",)
