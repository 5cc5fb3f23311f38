"""The bundled web app: files made by the front end's build, on a strict content security policy."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

FOLDER = Path(__file__).parent / "web"

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
# GraphiQL's editor (Monaco) writes style elements and attributes as it draws, so its page alone
# allows them; scripts and workers are files of the build there too.
GRAPHIQL_SECURITY_POLICY = CONTENT_SECURITY_POLICY.replace(
    "style-src 'self'", "style-src 'self' 'unsafe-inline'"
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
NOT_BUILT = "The web app is not built: run `make setup`. The API is at /graphql.\n"


class WebApp(StaticFiles):
    """Serves the build; a path that is no file is a page of the app, which routes by itself.

    `/graphiql` is a page of its own, or is not there when it is turned off.
    """

    def __init__(self, folder: Path, *, graphiql: bool) -> None:
        super().__init__(directory=folder, html=True)
        self.graphiql = graphiql

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or the page that the path is of, with the headers it needs."""
        is_graphiql = path in ("graphiql", "graphiql.html")
        if is_graphiql and not self.graphiql:
            raise HTTPException(404)
        response = await self._file_or_page("graphiql.html" if is_graphiql else path, scope)
        response.headers.update(HEADERS)
        if is_graphiql:
            response.headers["content-security-policy"] = GRAPHIQL_SECURITY_POLICY
        # Files under assets/ carry the hash of what is in them.
        hashed = path.startswith("assets/")
        response.headers["cache-control"] = (
            "public, max-age=31536000, immutable" if hashed else "no-cache"
        )
        return response

    async def _file_or_page(self, path: str, scope: Scope) -> Response:
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            if error.status_code != 404 or "." in path.rpartition("/")[2]:
                raise
            return await super().get_response("index.html", scope)


def web_app(folder: Path = FOLDER, *, graphiql: bool = True) -> ASGIApp:
    """The app, compressed; where it is not built, a page that says how to build it."""
    if not (folder / "index.html").is_file():
        return PlainTextResponse(NOT_BUILT, status_code=404)
    return GZipMiddleware(WebApp(folder, graphiql=graphiql), minimum_size=1000)
