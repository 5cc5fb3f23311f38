"""`/outputs/<id>`: bytes that never become a page."""

from collections.abc import Callable, Iterator
from hashlib import sha256
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from pybot.downloads import outputs
from pybot.errors import NotFound
from pybot.schema.representation import url_of
from pybot.services.conversations.stored_outputs import StoredOutput
from pybot.services.records import Representation, Viewer

OUTPUT_ID = f"{'c' * 32}.{'d' * 32}.1.0"
ALICE = Viewer(username="alice")
DIGEST = "0123456789abcdef" * 2

STORED = {
    "image/png": StoredOutput("image/png", b"\x89PNG", "output-0.png", DIGEST),
    "image/svg+xml": StoredOutput("image/svg+xml", b"<svg/>", "output-0.svg"),
    "text/html": StoredOutput("text/html", b"<script>1</script>", "output-0.html"),
    "x\ny/z": StoredOutput("x\ny/z", b"?", "output-0"),
    None: StoredOutput("text/plain; charset=utf-8", b"1\n", "st\xf6d\xf6ut.txt"),
}


class StoredOutputs:
    """The service: the outputs of one viewer."""

    async def read(
        self, viewer: Viewer, output_id: str, media_type: str | None = None
    ) -> StoredOutput:
        if viewer != ALICE or output_id != OUTPUT_ID or media_type not in STORED:
            raise NotFound("There is no output with this ID.")
        return STORED[media_type]


Client = Callable[[Viewer], TestClient]


@pytest.fixture
def client_of() -> Iterator[Client]:
    opened: list[TestClient] = []

    def open_client(viewer: Viewer) -> TestClient:
        async def endpoint(request: Request) -> Response:
            request.state.viewer = viewer
            request.state.services = SimpleNamespace(stored_outputs=StoredOutputs())
            return await outputs(request)

        route = Route("/outputs/{output_id}", endpoint, methods=["GET", "HEAD"])
        client = TestClient(Starlette(routes=[route])).__enter__()
        opened.append(client)
        return client

    yield open_client
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def client(client_of: Client) -> TestClient:
    return client_of(ALICE)


@pytest.mark.parametrize(
    ("media_type", "disposition"),
    [
        ("image/png", "inline; filename*=UTF-8''output-0.png"),
        ("image/svg+xml", "attachment; filename*=UTF-8''output-0.svg"),
        ("text/html", "attachment; filename*=UTF-8''output-0.html"),
        (None, "attachment; filename*=UTF-8''st%C3%B6d%C3%B6ut.txt"),
    ],
)
def test_only_raster_images_are_shown(
    client: TestClient, media_type: str | None, disposition: str
) -> None:
    response = client.get(
        f"/outputs/{OUTPUT_ID}", params={"type": media_type} if media_type else {}
    )
    assert response.status_code == 200
    assert response.content == STORED[media_type].data
    assert response.headers["content-disposition"] == disposition
    assert response.headers["content-type"].startswith(STORED[media_type].media_type)


def test_every_answer_is_guarded(client: TestClient) -> None:
    for path in (f"/outputs/{OUTPUT_ID}", f"/outputs/{OUTPUT_ID}?type=text/html", "/outputs/x"):
        headers = client.get(path).headers
        assert headers.get_list("content-security-policy") == ["sandbox; default-src 'none'"]
        assert headers.get_list("x-content-type-options") == ["nosniff"]
        assert headers.get_list("cross-origin-resource-policy") == ["same-origin"]


@pytest.mark.parametrize(
    "representation",
    [
        Representation(media_type="image/png", byte_size=4, blob=DIGEST),
        Representation(media_type="image/svg+xml", byte_size=6, text="<svg/>"),
    ],
)
def test_url_that_the_api_gives_may_be_cached_for_ever(
    client: TestClient, representation: Representation
) -> None:
    response = client.get(url_of(OUTPUT_ID, representation))
    assert response.status_code == 200
    assert response.headers["cache-control"] == "private, max-age=31536000, immutable"


@pytest.mark.parametrize("query", ["", "?v=", "?v=0123", f"?v={'0' * 16}"])
def test_other_versions_are_asked_for_again(client: TestClient, query: str) -> None:
    response = client.get(f"/outputs/{OUTPUT_ID}{query}")
    assert response.headers["cache-control"] == "private, no-cache"
    tag = response.headers["etag"]
    assert tag == f'"{sha256(b"1" + bytes([10])).hexdigest()[:16]}"'
    again = client.get(f"/outputs/{OUTPUT_ID}{query}", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_head_says_what_get_would(client: TestClient) -> None:
    got, head = client.get(f"/outputs/{OUTPUT_ID}"), client.head(f"/outputs/{OUTPUT_ID}")
    assert head.status_code == 200
    assert head.headers == got.headers


def test_media_type_that_fits_no_header_is_just_bytes(client: TestClient) -> None:
    response = client.get(f"/outputs/{OUTPUT_ID}", params={"type": "x\ny/z"})
    assert response.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "path", [f"{OUTPUT_ID}0", f"{OUTPUT_ID}?type=text/css", "x", "%7Bx%7D.a.0.0"]
)
def test_what_is_not_there_is_not_found(client: TestClient, path: str) -> None:
    response = client.get(f"/outputs/{path}")
    assert response.status_code == 404
    assert response.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


def test_someone_elses_output_is_not_found(client_of: Client) -> None:
    mine = client_of(ALICE).get("/outputs/x").json()
    response = client_of(Viewer(username="bob")).get(f"/outputs/{OUTPUT_ID}")
    assert (response.status_code, response.json()) == (404, mine)
