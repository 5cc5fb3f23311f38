"""Serving: the port is taken first, the application answers before it is called ready."""

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pybot import serving
from pybot.config import Settings
from pybot.serving import ServeError, Shutdown, bind, serve, url_of

# A server whose end hangs for ever.
HANGING = """
import asyncio, sys
from pybot.serving import run
async def main(ending):
    try:
        print("up", flush=True)
        await asyncio.sleep(60)
    finally:
        print("ending", flush=True)
        await asyncio.sleep(60)
run(main, deadline=float(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Serving tunes the collector of the process: put it back."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port of loopback."""
    with bind("127.0.0.1", 0, loopback_only=True) as taken:
        yield taken


def application(*, ready: bool = True, starts: bool = True) -> Starlette:
    """An application that says whether it is ready."""

    async def readyz(_request: Request) -> JSONResponse:
        state = {"failing": None if ready else "redis", "backends": {"redis": "refused"}}
        return JSONResponse(state, 200 if ready else 503)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncGenerator[None]:
        if not starts:
            raise RuntimeError("no")
        yield

    return Starlette(routes=[Route("/readyz", readyz)], lifespan=lifespan)


def test_answers_leave_at_once(listener: socket.socket) -> None:
    """asyncio sets TCP_NODELAY on the connections of a socket that names TCP, on no others."""
    assert listener.proto == socket.IPPROTO_TCP


async def test_ready_means_that_it_answers(listener: socket.socket) -> None:
    """`on_ready` comes once, after an answer from outside; then a signal ends the server."""
    shutdown, calls = Shutdown(None), list[str]()

    def on_ready() -> None:
        calls.append(url_of(listener))
        shutdown()

    await serve(application(), listener, Settings(), shutdown, on_ready, local=True)
    assert len(calls) == 1
    assert calls[0].startswith("http://127.0.0.1:")
    assert gc.get_threshold() == serving.GC_THRESHOLDS


async def test_never_ready_is_an_error(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line says what the application says is missing."""
    monkeypatch.setattr(serving, "READY_TIMEOUT", 0.3)
    with pytest.raises(ServeError, match=r"not ready after 0\.3 s: refused"):
        await serve(
            application(ready=False),
            listener,
            Settings(),
            Shutdown(None),
            lambda: pytest.fail("it is not ready"),
            local=True,
        )


async def test_production_waits_for_its_back_ends(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A back end that comes later is no reason to end; the log says which is missing, once."""
    monkeypatch.setattr(serving, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(serving, "READY_TIMEOUT", 0.1)
    shutdown = Shutdown(None)
    asyncio.get_running_loop().call_later(0.5, shutdown)
    await serve(
        application(ready=False),
        listener,
        Settings(),
        shutdown,
        lambda: pytest.fail("it is not ready"),
        local=False,
    )
    assert [record.getMessage() for record in caplog.records] == ["not ready yet: refused"]


async def test_failing_start_is_an_error(listener: socket.socket) -> None:
    """uvicorn leaves with an exit: it becomes one line."""
    with pytest.raises(ServeError, match="could not start"):
        await serve(
            application(starts=False),
            listener,
            Settings(),
            Shutdown(None),
            lambda: pytest.fail("it has not started"),
            local=True,
        )


def test_taken_port_says_what_to_do(listener: socket.socket) -> None:
    """Known at once, before anything slow starts."""
    port = listener.getsockname()[1]
    with pytest.raises(ServeError, match=rf"127\.0\.0\.1:{port} \(Address already .*--port"):
        bind("127.0.0.1", port, loopback_only=True)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_local_user_is_for_loopback_alone(host: str) -> None:
    """Other machines must not get a user without a password."""
    with pytest.raises(ServeError, match=r"loopback only.*--host 127\.0\.0\.1"):
        bind(host, 0, loopback_only=True)


def test_unknown_host_is_one_line() -> None:
    """A name that is no address."""
    with pytest.raises(ServeError, match="not an address of this machine"):
        bind("no host", 0, loopback_only=True)


def test_any_address_is_reached_on_loopback() -> None:
    """The URL that is printed can be opened."""
    with bind("0.0.0.0", 0, loopback_only=False) as taken:
        assert url_of(taken) == f"http://127.0.0.1:{taken.getsockname()[1]}"


def read_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize(("deadline", "signals", "code"), [("0.2", 1, 1), ("60", 2, 130)])
def test_hanging_end_is_cut(deadline: str, signals: int, code: int) -> None:
    """An end that hangs is over at its deadline, or with the second signal."""
    with subprocess.Popen(
        [sys.executable, "-c", HANGING, deadline], stdout=subprocess.PIPE, text=True
    ) as process:
        assert read_line(process) == "up"
        os.kill(process.pid, signal.SIGINT)
        assert read_line(process) == "ending"
        if signals == 2:
            os.kill(process.pid, signal.SIGTERM)
        assert process.wait() == code


def test_signal_cancels_the_start() -> None:
    """Ctrl-C before the server serves ends what has started, without a traceback."""

    async def main(shutdown: Shutdown) -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGINT)
        await asyncio.sleep(60)
        pytest.fail("it went on")

    serving.run(main, deadline=None)


# A process that a failure ends, and whose end hangs unless it is told not to.
FAILING = """
import asyncio, sys
from pybot import serving
serving.FAILURE_DEADLINE = 0.2
async def main(ending):
    try:
        asyncio.get_running_loop().call_soon(ending.fail, "the painter has failed")
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(float(sys.argv[1]))
serving.run(main, deadline=None)
"""


@pytest.mark.parametrize(("hangs_for", "says"), [("0", "the painter has failed"), ("60", "")])
def test_failure_ends_the_process(hangs_for: str, says: str) -> None:
    """With an exit code that says so, whether or not the end hangs."""
    ended = subprocess.run(
        [sys.executable, "-c", FAILING, hangs_for], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert says in ended.stderr


def never_starts(_: threading.Timer) -> None:
    """Stands for the start of a timer."""


async def test_failure_stops_the_server(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a signal does; a second failure changes nothing of its reason."""
    # What ends a process whose end hangs would end the one of the tests.
    monkeypatch.setattr(threading.Timer, "start", never_starts)
    shutdown = Shutdown(None)

    def on_ready() -> None:
        shutdown.fail("the painter has failed")
        shutdown.fail("so has another one")

    await serve(application(), listener, Settings(), shutdown, on_ready, local=True)
    assert shutdown.failure == "the painter has failed"


async def test_bug_in_the_watch_for_readiness_is_raised(listener: socket.socket) -> None:
    """It ends the server rather than be found out at its end."""

    def on_ready() -> None:
        raise RuntimeError("a bug of the test")

    with pytest.raises(RuntimeError, match="a bug of the test"):
        await serve(application(), listener, Settings(), Shutdown(None), on_ready, local=True)
