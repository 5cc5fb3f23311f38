"""Jupyter messages in, reactions out: the protocol's logic without its I/O.

The message types are those of https://jupyter-client.readthedocs.io/en/stable/messaging.html.
A kernel runs what users and models write, so what comes from it may be anything: what does not
look like a known message is ignored.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeGuard

import msgspec

from pybot.services.kernels.base import (
    Cleared,
    Displayed,
    DisplayUpdated,
    Done,
    Printed,
    Raised,
    Reaction,
    Returned,
    Size,
    Started,
)
from pybot.services.records import StreamName

MAX_DEPTH = 64  # of JSON in a bundle; a Plotly figure needs a quarter of that
STREAMS = {"stdout": StreamName.STDOUT, "stderr": StreamName.STDERR}


class ReactionReader:
    """Reads the messages that come of one execution; those of other executions are ignored.

    `done` turns True with the last reaction, which is always Done: when the kernel's reply and
    its idle status have both come, in either order, since the reply often overtakes outputs.
    """

    def __init__(self, message_id: str) -> None:
        self.done = False
        self._message_id = message_id
        self._count: int | None = None
        self._started = False
        self._raised = False
        self._idle = False
        self._reply: Mapping[str, Any] | None = None
        self._readers: dict[str, Callable[[Mapping[str, Any]], list[Reaction]]] = {
            "clear_output": self._cleared,
            "display_data": self._displayed,
            "error": self._failed,
            "execute_input": self._taken,
            "execute_reply": self._replied,
            "execute_result": self._returned,
            "status": self._status,
            "stream": self._printed,
            "update_display_data": self._updated,
        }

    @property
    def replied(self) -> bool:
        """Whether the kernel's reply has come."""
        return self._reply is not None

    def feed(self, message: Mapping[str, Any]) -> list[Reaction]:
        """The reactions that one message of jupyter_client adds, in order."""
        if self.done or _mapping(message, "parent_header").get("msg_id") != self._message_id:
            return []
        kind = message.get("msg_type")
        read = self._readers.get(kind) if isinstance(kind, str) else None
        return [] if read is None else read(_mapping(message, "content"))

    def finish(self) -> list[Reaction]:
        """End without the idle status, where it is known that it will not come."""
        self._idle = True
        return self._end()

    def expect_no_reply(self) -> None:
        """End with the idle status: the reply goes to the process that sent the code."""
        self._reply = {}

    def _taken(self, content: Mapping[str, Any]) -> list[Reaction]:
        count = _count(content)
        if self._started or count is None:
            return []
        self._started, self._count = True, count
        return [Started(execution_count=count)]

    def _printed(self, content: Mapping[str, Any]) -> list[Reaction]:
        name, text = content.get("name"), _text(content.get("text"))
        if not isinstance(name, str) or name not in STREAMS or not text:
            return []
        return [Printed(name=STREAMS[name], text=text)]

    def _displayed(self, content: Mapping[str, Any]) -> list[Reaction]:
        bundle = _bundle(content)
        if not bundle:
            return []
        sizes = _sizes(content)
        return [Displayed(bundle=bundle, display_id=_display_id(content), sizes=sizes)]

    def _updated(self, content: Mapping[str, Any]) -> list[Reaction]:
        bundle, display_id = _bundle(content), _display_id(content)
        if not bundle or display_id is None:
            return []
        return [DisplayUpdated(bundle=bundle, display_id=display_id, sizes=_sizes(content))]

    def _returned(self, content: Mapping[str, Any]) -> list[Reaction]:
        bundle, count = _bundle(content), _count(content)
        if count is None:
            count = self._count
        if not bundle or count is None:
            return []
        return [Returned(execution_count=count, bundle=bundle, sizes=_sizes(content))]

    def _failed(self, content: Mapping[str, Any]) -> list[Reaction]:
        self._raised = True
        lines = content.get("traceback")
        traceback = lines if is_list(lines) else []
        return [
            Raised(
                ename=_text(content.get("ename")) or "Error",
                evalue=_text(content.get("evalue")),
                traceback=tuple(_text(line) for line in traceback if isinstance(line, str)),
            )
        ]

    def _cleared(self, content: Mapping[str, Any]) -> list[Reaction]:
        return [Cleared(wait=content.get("wait") is True)]

    def _status(self, content: Mapping[str, Any]) -> list[Reaction]:
        self._idle = self._idle or content.get("execution_state") == "idle"
        return self._end()

    def _replied(self, content: Mapping[str, Any]) -> list[Reaction]:
        self._reply = content
        return self._end()

    def _end(self) -> list[Reaction]:
        """Done, once both have come; before it, an error that stands in the reply alone."""
        if self._reply is None or not self._idle:
            return []
        self.done = True
        status = _status(self._reply or {"status": "error" if self._raised else "ok"})
        lost = self._failed(self._reply) if status == "error" and not self._raised else []
        count = _count(self._reply)
        return [*lost, Done(status=status, execution_count=self._count if count is None else count)]


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a JSON value is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a JSON value is a list."""
    return isinstance(value, list)


def _status(reply: Mapping[str, Any]) -> Literal["ok", "error", "aborted"]:
    """A reply's status; `abort` is what older kernels say."""
    match reply.get("status"):
        case "ok":
            return "ok"
        case "aborted" | "abort":
            return "aborted"
        case _:
            return "error"


def _mapping(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under `key`, empty where there is none."""
    found: Any = value.get(key)
    return found if is_object(found) else {}


def _count(content: Mapping[str, Any]) -> int | None:
    """The execution count; None for one that GraphQL's Int cannot carry."""
    count = content.get("execution_count")
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < 2**31:
        return None
    return count


def _display_id(content: Mapping[str, Any]) -> str | None:
    """What a later update will call this display."""
    return _text(_mapping(content, "transient").get("display_id")) or None


def _sizes(content: Mapping[str, Any]) -> dict[str, Size]:
    """The sizes that a bundle's metadata gives for its images."""
    try:
        metadata = msgspec.convert(content.get("metadata"), dict[str, Any])
    except msgspec.ValidationError:
        return {}
    return {media_type: size for media_type, said in metadata.items() if (size := _size(said))}


def _size(said: Any) -> Size | None:
    try:
        return msgspec.convert(said, Size)
    except msgspec.ValidationError:
        return None


def _bundle(content: Mapping[str, Any]) -> dict[str, Any]:
    """A MIME bundle, fit to be stored and sent on."""
    return {
        _text(key): _clean(value, MAX_DEPTH)
        for key, value in _mapping(content, "data").items()
        if value is not None
    }


def _clean(value: Any, depth: int) -> Any:
    """JSON without lone surrogates, which no UTF-8 can hold, and not nested without end."""
    if isinstance(value, str):
        return _text(value)
    if depth == 0:
        return None
    if is_object(value):
        return {_text(key): _clean(item, depth - 1) for key, item in value.items()}
    if is_list(value):
        return [_clean(item, depth - 1) for item in value]
    return value


def _text(value: object) -> str:
    """Text with lone surrogates replaced; "" for a value of another type."""
    if not isinstance(value, str):
        return ""
    if value.isascii():
        return value
    return value.encode(errors="replace").decode()
