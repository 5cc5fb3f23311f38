"""Serves the application: uvicorn in this process, ended by signals, tuned for streams."""

import asyncio
import contextlib
import gc
import ipaddress
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import uvicorn
import uvloop
from starlette.types import ASGIApp

from pybot.config import Settings
from pybot.endpoint.upstream_uvicorn import Http, Server, WebSockets
from pybot.services.background.tasks import cancel_and_wait

logger = logging.getLogger(__name__)

READY_TIMEOUT = 30.0  # seconds from listening until /readyz must answer 200
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between two requests to /readyz, doubled each time
FAILURE_DEADLINE = 20.0  # seconds from the failure of a loop to the end of the process
DRAIN_SECONDS = 2  # for requests in progress when the server ends
# Long-lived objects are many and cycles few: the default thresholds cost tens of milliseconds at
# the 99th percentile of event delivery (measured; docs/architecture.md).
GC_THRESHOLDS = (20_000, 50, 50)


class ServeError(Exception):
    """The server cannot start or go on; the message is one line for a person."""


class Shutdown:
    """The shutdown of the process, requested by SIGINT, SIGTERM, SIGHUP or a failure.

    The first signal calls `on_request`, a second one ends the process at once. `deadline` is how
    many seconds the shutdown may take, None for no limit. The children of the local stack end with
    this process however it ends. `failure` is why the process shuts down by itself, else "".
    """

    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self.requested = False
        self.failure = ""
        self.on_request: Callable[[], object] = lambda: None

    def __call__(self) -> None:
        """Handle one signal."""
        if self.requested:
            os._exit(130)
        self._start(self._deadline)

    def fail(self, reason: str) -> None:
        """Shut down as at a signal, but within a deadline, and with an exit code of failure."""
        self.failure = self.failure or reason
        if not self.requested:
            self._start(self._deadline or FAILURE_DEADLINE)

    def _start(self, deadline: float | None) -> None:
        self.requested = True
        if deadline is not None:
            # A thread works whatever the event loop is stuck in.
            watchdog = threading.Timer(deadline, os._exit, [1])
            watchdog.daemon = True
            watchdog.start()
        self.on_request()


def run(main: Callable[[Shutdown], Coroutine[Any, Any, None]], *, deadline: float | None) -> None:
    """Run `main` on uvloop until it returns or a signal ends it.

    ServeError when `main` ended because of a failure.
    """
    shutdown = Shutdown(deadline)

    async def with_signals() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        shutdown.on_request = task.cancel
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup` ignores SIGHUP; SIGINT, which `&` ignores, still means the end.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, shutdown)
        try:
            await main(shutdown)
        except asyncio.CancelledError:
            if not shutdown.requested:
                raise

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(with_signals())
    if shutdown.failure:
        raise ServeError(shutdown.failure)


def bind(host: str, port: int, *, loopback_only: bool) -> socket.socket:
    """Take the port before anything slow starts. Raises ServeError with what prevents it."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ServeError(f"--host {host} is not an address of this machine") from error
    if loopback_only and not all(_is_loopback(entry[4][0]) for entry in found):
        raise ServeError(
            f"`pybot up` has a user without a password and listens on loopback only, not on {host}:"
            " use --host 127.0.0.1, or `pybot serve` behind a proxy that signs users in"
        )
    found.sort(key=lambda entry: entry[0] != socket.AF_INET)
    family, kind, protocol, _name, address = found[0]
    taken = socket.socket(family, kind, protocol)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
        # Other processes cannot take the port of a listening socket; requests are answered only
        # after the start.
        taken.listen(0)
    except OSError as error:
        taken.close()
        raise ServeError(
            f"Cannot listen on {host}:{port} ({error.strerror}): "
            "end what uses it, or choose another with --port"
        ) from error
    return taken


async def serve(
    app: ASGIApp,
    listener: socket.socket,
    settings: Settings,
    shutdown: Shutdown,
    on_ready: Callable[[], None],
    *,
    local: bool,
) -> None:
    """Serve until a signal; calls `on_ready` once the application really answers.

    With `local` there is no proxy in front, and a back end that is missing is an error: it was
    started just before. In production it is waited for, and /readyz says so meanwhile.
    """
    await refuse_newer_data(settings)
    server = _Server(server_config(app, settings, behind_proxy=not local))
    shutdown.on_request = server.end
    timeout = READY_TIMEOUT if local else None
    async with _watching(server, url_of(listener), on_ready, timeout):
        try:
            await server.serve(sockets=[listener])
        except SystemExit as exit_:  # uvicorn's way to say that the application did not start
            raise ServeError("Pybot could not start; the log above says why") from exit_
    if server.failure:
        raise ServeError(server.failure)


async def refuse_newer_data(settings: Settings) -> None:
    """Raise ServeError if Redis has data of a later version of Pybot."""
    from pybot.services.upgrade.version import DataTooNew, refuse_newer

    try:
        await refuse_newer(settings.redis_om_url.get_secret_value())
    except DataTooNew as error:
        raise ServeError(error.message) from None


class _Server(Server):
    """The server, and why it is not ready or had to end."""

    failure = ""  # why it ended by itself
    missing = "it does not answer"  # the last answer of /readyz but 200

    def end(self) -> None:
        """Stop serving."""
        self.should_exit = True


def server_config(app: ASGIApp, settings: Settings, *, behind_proxy: bool) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,
        http=Http,
        ws=WebSockets,
        ws_max_size=settings.limits.max_body_size,
        # Events are small and many; compressing each costs more time than it saves bytes.
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=behind_proxy,
        timeout_keep_alive=settings.limits.keep_alive,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


@asynccontextmanager
async def _watching(
    server: _Server, url: str, on_ready: Callable[[], None], timeout: float | None
) -> AsyncGenerator[None]:
    """Check over HTTP whether the server is ready, while the block runs it."""

    async def watch() -> None:
        try:
            async with asyncio.timeout(timeout):
                await _until_ready(server, url)
        except TimeoutError:
            server.failure = f"Pybot is not ready after {timeout:g} s: {server.missing}"
            server.end()
        else:
            _settle_memory()
            on_ready()

    def ended(watching: asyncio.Task[None]) -> None:
        if not watching.cancelled() and watching.exception() is not None:
            server.end()

    watching = asyncio.create_task(watch())
    watching.add_done_callback(ended)
    try:
        yield
    finally:
        await cancel_and_wait(watching)
    if not watching.cancelled():
        watching.result()  # raises a bug of the watch


async def _until_ready(server: _Server, url: str) -> None:
    """Wait until /readyz answers 200; what is missing is logged when it changes."""
    pause = FIRST_PAUSE
    async with aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):  # it is just ending
                async with session.get(f"{url}/readyz") as response:
                    if response.status == 200:
                        return
                    missing = _missing(await response.text())
                if missing != server.missing:
                    server.missing = missing
                    logger.warning("not ready yet: %s", missing)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)


def _missing(body: str) -> str:
    """What /readyz says of the back end that fails."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        state = json.loads(body)
        return str(state["backends"][state["failing"]])
    return body.strip().replace("\n", " ")


def _settle_memory() -> None:
    """Exclude the objects that the start has created from garbage collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def url_of(listener: socket.socket) -> str:
    """Where a listening socket is reached from this machine."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "::1" if listener.family == socket.AF_INET6 else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_loopback(address: str | int) -> bool:
    return ipaddress.ip_address(address).is_loopback


def say(line: str, *, error: bool = False) -> None:
    """Print a line to the terminal."""
    stream = sys.stderr if error else sys.stdout
    stream.write(line + "\n")
    stream.flush()
