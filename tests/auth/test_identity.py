"""The viewer of a request: which values of the trusted header are taken."""

import pytest

from pybot.auth import Identity
from pybot.endpoint.refusal import Refusal
from pybot.services.records import Viewer

HEADER = "X-Forwarded-User"
NAME = b"x-forwarded-user"


def headers(*pairs: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """Headers of a request as a server gives them."""
    return [(b"host", b"pybot.example"), *pairs]


def refusal(*pairs: tuple[bytes, bytes]) -> Refusal:
    """Why a request is refused."""
    with pytest.raises(Refusal) as caught:
        Identity(HEADER).viewer(headers(*pairs))
    return caught.value


def test_header_names_the_viewer() -> None:
    assert Identity(HEADER).viewer(headers((NAME, b"alice"))) == Viewer(
        username="alice", display_name="alice"
    )


def test_header_may_have_another_name() -> None:
    identity = Identity("kubeflow-userid")
    assert identity.viewer([(b"kubeflow-userid", b"alice@example.com")]).username == (
        "alice@example.com"
    )
    with pytest.raises(Refusal):
        identity.viewer([(NAME, b"alice")])


@pytest.mark.parametrize(
    ("raw", "username"),
    [
        (b" alice\t", "alice"),
        ("Zoë Å".encode(), "Zoë Å"),
        (b"auth0|5f7c8ec7c33c6c004bbafe82", "auth0|5f7c8ec7c33c6c004bbafe82"),
        (b"a" * 256, "a" * 256),
        ("é".encode() * 256, "é" * 256),
        (b"null", "null"),
    ],
)
def test_user_names_are_not_changed(raw: bytes, username: str) -> None:
    assert Identity(HEADER).viewer(headers((NAME, raw))).username == username


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([], "is missing"),
        ([(NAME, b"")], "is empty"),
        ([(NAME, b"  ")], "is empty"),
        ([(NAME, b"(null)")], "is empty"),
        ([(NAME, b"alice"), (NAME, b"alice")], "more than once"),
        ([(NAME, b"alice"), (NAME, b"bob")], "more than once"),
        ([(NAME, b"alice"), (NAME, b"")], "more than once"),
        ([(NAME, b"alice"), (b"X-FORWARDED-USER", b"bob")], "more than once"),
        ([(NAME, b"mallory, alice")], "more than one name"),
        ([(NAME, b"alice,")], "more than one name"),
        ([(b"x_forwarded_user", b"alice")], "underscores"),
        ([(NAME, b"alice"), (b"x_forwarded_user", b"bob")], "underscores"),
        ([(NAME, b"alice"), (b"X-Forwarded_User", b"alice")], "underscores"),
        ([(NAME, b"alice"), (b"connection", b"x-forwarded-user")], "Connection"),
        ([(NAME, b"alice"), (b"connection", b"close, X-Forwarded-User")], "Connection"),
        ([(NAME, b"alice"), (b"connection", b"close,X_Forwarded_User")], "Connection"),
        ([(b"connection", b"close"), (b"connection", b"X-FORWARDED-USER ")], "Connection"),
        ([(NAME, b"a" * 257)], "longer than 256"),
        ([(NAME, b"alice\x00")], "cannot be printed"),
        ([(NAME, b"alice\x1b[2J")], "cannot be printed"),
        ([(NAME, b"alice\x7f")], "cannot be printed"),
        ([(NAME, "alice\u200b".encode())], "cannot be printed"),
        ([(NAME, "\u202eecila".encode())], "cannot be printed"),
        ([(NAME, "alice\u2028".encode())], "cannot be printed"),
        ([(NAME, b"\xff")], "UTF-8"),
    ],
)
def test_doubtful_header_is_refused_with_the_reason(
    pairs: list[tuple[bytes, bytes]], reason: str
) -> None:
    refused = refusal(*pairs)
    assert (refused.status, refused.code) == (401, "UNAUTHENTICATED")
    assert reason in refused.message
    assert "USER_ID_HEADER" in refused.message


def test_connection_may_name_other_headers() -> None:
    viewer = Identity(HEADER).viewer(headers((NAME, b"alice"), (b"connection", b"keep-alive")))
    assert viewer.username == "alice"


def test_email_and_name_come_along() -> None:
    viewer = Identity(HEADER).viewer(
        headers(
            (NAME, b"7"),
            (b"x-forwarded-email", b"alice@example.com"),
            (b"x-forwarded-preferred-username", "Älice".encode()),
        )
    )
    assert viewer == Viewer(username="7", email="alice@example.com", display_name="Älice")


@pytest.mark.parametrize("header", [b"x-forwarded-email", b"x-forwarded-preferred-username"])
@pytest.mark.parametrize("values", [[b"a", b"b"], [b"(null)"], [b""], [b"a\x00"]])
def test_doubtful_email_and_name_are_left_out(header: bytes, values: list[bytes]) -> None:
    pairs = [(header, value) for value in values]
    viewer = Identity(HEADER).viewer(headers((NAME, b"alice"), *pairs))
    assert viewer == Viewer(username="alice", display_name="alice")


def test_local_user_takes_no_notice_of_headers() -> None:
    identity = Identity(HEADER, local_user="me")
    for pairs in ([], [(NAME, b"root")], [(NAME, b"a"), (NAME, b"b")]):
        assert identity.viewer(headers(*pairs)).username == "me"
