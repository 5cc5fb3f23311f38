"""Who asks: the user whom a trusted header names, or the local user of `pybot up`.

A proxy in front signs users in and sets the header; Pybot trusts it, and nothing else. So a
request without the header, or whose header may be the client's own, is refused.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from pybot.endpoint.refusal import Refusal
from pybot.services.records import Viewer

RawHeaders = Iterable[tuple[bytes, bytes]]

EMAIL_HEADER = "X-Forwarded-Email"
NAME_HEADER = "X-Forwarded-Preferred-Username"

_MAX_LENGTH = 256
# Apache's mod_auth_openidc sends this word for a claim that is missing.
_MISSING = "(null)"
# Unicode's control, format, surrogate and unassigned characters; line and paragraph separators.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"})
_UNAUTHENTICATED = 4401
_LOCAL_HOST = re.compile(rb"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


class Identity:
    """Turns the headers of a request into a Viewer."""

    def __init__(self, header: str, local_user: str | None = None) -> None:
        self.header = header
        self._local = (
            Viewer(username=local_user, display_name=local_user) if local_user is not None else None
        )

    def viewer(self, headers: RawHeaders) -> Viewer:
        """The viewer of a request; raises `Refusal` (401) with what is wrong and what to do.

        With a local user all headers are ignored.
        """
        if self._local is not None:
            return self._local
        pairs = [(name.decode("latin-1").lower(), value) for name, value in headers]
        username = _trusted(pairs, self.header)
        if isinstance(username, _Untrusted):
            raise self._refusal(username.reason)
        email, name = _trusted(pairs, EMAIL_HEADER), _trusted(pairs, NAME_HEADER)
        return Viewer(
            username=username,
            email=email if isinstance(email, str) else None,
            display_name=name if isinstance(name, str) else username,
        )

    def _refusal(self, reason: str) -> Refusal:
        step = (
            "Open Pybot through the proxy that signs you in; whoever runs it: let the proxy set "
            "this header and remove the client's own, or name another one in USER_ID_HEADER."
        )
        return Refusal(401, "UNAUTHENTICATED", f"The header {self.header} {reason}. {step}")


class _Untrusted:
    """Why a header cannot be trusted."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def _trusted(headers: Sequence[tuple[str, bytes]], header: str) -> str | _Untrusted:
    """The value of a header that only the proxy can have set."""
    wanted = header.lower()
    alike = [(name, value) for name, value in headers if _plain(name) == _plain(wanted)]
    named = [
        _plain(token.strip().lower())
        for name, value in headers
        if name == "connection"
        for token in value.decode("latin-1").split(",")
    ]
    if _plain(wanted) in named:
        # Proxies remove the headers named there, also their own: only the client's is left.
        return _Untrusted("must not be named in the header Connection")
    if not alike:
        return _Untrusted("is missing")
    if any(name != wanted for name, _ in alike):
        return _Untrusted("also came spelled with underscores")
    if len(alike) > 1:
        return _Untrusted("came more than once")
    return _username(alike[0][1])


def _plain(name: str) -> str:
    """A header's name with "_" as "-": some servers read the two as the same."""
    return name.replace("_", "-")


def _username(raw: bytes) -> str | _Untrusted:
    try:
        value = raw.decode("utf-8").strip(" \t")
    except UnicodeDecodeError:
        return _Untrusted("is not valid UTF-8")
    if value in ("", _MISSING):
        return _Untrusted("is empty")
    if len(value) > _MAX_LENGTH:
        return _Untrusted(f"is longer than {_MAX_LENGTH} characters")
    if "," in value:
        # Proxies join headers that come twice with a comma, the client's with their own.
        return _Untrusted("holds more than one name")
    if any(unicodedata.category(character) in _UNPRINTABLE for character in value):
        return _Untrusted("holds characters that cannot be printed")
    return value


class RequireIdentity:
    """ASGI middleware: every request has a viewer, in `scope["state"]["viewer"]`, or is refused."""

    def __init__(
        self, app: ASGIApp, identity: Identity, exempt: Sequence[str] = ("/healthz", "/readyz")
    ) -> None:
        self._app = app
        self._identity = identity
        self._exempt = frozenset(exempt)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass with its viewer, or answer 401 (a WebSocket: close 4401)."""
        if scope["type"] in ("http", "websocket") and scope["path"] not in self._exempt:
            try:
                scope.setdefault("state", {})["viewer"] = self._identity.viewer(scope["headers"])
            except Refusal as refusal:
                await _refuse(refusal, scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await refusal.response()(scope, receive, send)
        return
    # Accepted first: of a refused handshake, browsers do not show the code to the page.
    socket = WebSocket(scope, receive, send)
    await socket.accept(next(iter(scope["subprotocols"]), None))
    await socket.close(_UNAUTHENTICATED, "Not signed in")


class LocalHostOnly:
    """ASGI middleware of `pybot up`, before all else: answers only this machine's own names.

    A foreign page can make its name point to 127.0.0.1 (DNS rebinding) and would be the local
    user; but then its name stands in `Host`, whatever `Origin` says.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or answer 421 (a WebSocket: 403)."""
        if scope["type"] not in ("http", "websocket") or _is_local(scope["headers"]):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            text = "Pybot runs for this machine only: open it at 127.0.0.1, localhost or [::1].\n"
            await PlainTextResponse(text, 421)(scope, receive, send)
        else:
            await WebSocket(scope, receive, send).close()


def _is_local(headers: RawHeaders) -> bool:
    hosts = [value for name, value in headers if name.lower() == b"host"]
    return len(hosts) == 1 and _LOCAL_HOST.fullmatch(hosts[0]) is not None
