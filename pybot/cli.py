"""The command line. The environment is read here, once, and passed down as `Settings`.

The application is imported where a command needs it: that takes seconds, and a taken port or a
wrong setting should not.
"""

import argparse
import asyncio
import contextlib
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError
from starlette.types import ASGIApp

from pybot import __version__
from pybot.config import Settings, setting_fields
from pybot.logs import configure_logging
from pybot.services.local.data_folder import open_data_folder
from pybot.services.local.process import StackError
from pybot.services.local.stack import local_stack
from pybot.serving import ServeError, Shutdown, bind, refuse_newer_data, run, say, serve, url_of

# Makes the application from settings, and from what is called when a background loop has failed.
ApplicationFactory = Callable[[Settings, Callable[[str], object]], ASGIApp]

FAILED, WRONG_USE = 1, 2  # exit codes
UP_DEADLINE = 4.5  # seconds from Ctrl-C to the end of `pybot up`, whatever hangs


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; exits with 0, 1 (it failed) or 2 (wrong arguments or settings)."""
    options = _parser().parse_args(argv)
    try:
        settings = Settings()
    except (ValidationError, SettingsError) as error:
        for line in _setting_errors(error):
            say(line, error=True)
        sys.exit(WRONG_USE)
    configure_logging(settings.log_level)
    try:
        options.command(settings, options)
    except (StackError, ServeError) as error:
        say(f"pybot: {error}", error=True)
        sys.exit(FAILED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pybot", description="An assistant that runs Python.")
    parser.add_argument("--version", action="version", version=f"pybot {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    up = commands.add_parser("up", help="run everything on this machine, for one user")
    _add_address(up)
    up.add_argument("--data-dir", type=Path, default=Path(".pybot"), help="default: %(default)s")
    up.set_defaults(command=_up)

    serve_ = commands.add_parser("serve", help="serve with the back ends that the settings name")
    _add_address(serve_)
    serve_.set_defaults(command=_serve)

    worker = commands.add_parser("worker", help="answer messages that others serve; no HTTP")
    worker.set_defaults(command=_worker)

    schema = commands.add_parser("schema", help="print the GraphQL schema")
    schema.set_defaults(command=_schema)

    doctor = commands.add_parser("doctor", help="reach each back end, say what is wrong")
    doctor.add_argument(
        "--local", action="store_true", help="check what `pybot up` starts, by starting it"
    )
    doctor.set_defaults(command=_doctor)
    return parser


def _add_address(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=_port, default=8000, help="0 for any; default: %(default)s")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def _up(settings: Settings, options: argparse.Namespace) -> None:
    """Start what the environment does not name, then serve the local user."""
    with (
        bind(options.host, options.port, loopback_only=True) as listener,
        open_data_folder(options.data_dir) as data,
    ):

        async def main(shutdown: Shutdown) -> None:
            # Meanwhile the programs start.
            importing = _importing()
            async with local_stack(settings, data, say, shutdown.fail) as local:
                say("Starting the server …")
                create_app = await importing
                await serve(
                    create_app(local, shutdown.fail),
                    listener,
                    local,
                    shutdown,
                    lambda: say(f"Pybot is ready at {url_of(listener)}"),
                    local=True,
                )

        run(main, deadline=UP_DEADLINE)
    say("Pybot has ended.")


def _serve(settings: Settings, options: argparse.Namespace) -> None:
    """Serve with the back ends that the environment names."""
    if settings.local_user:
        raise ServeError("LOCAL_USER is for `pybot up` alone: unset it")
    with bind(options.host, options.port, loopback_only=False) as listener:

        async def main(shutdown: Shutdown) -> None:
            await serve(
                _application_factory()(settings, shutdown.fail),
                listener,
                settings,
                shutdown,
                lambda: say(f"Pybot is ready at {url_of(listener)}"),
                local=False,
            )

        run(main, deadline=None)


def _worker(settings: Settings, _options: argparse.Namespace) -> None:
    """Take runs until a signal, then hand over what is not finished."""
    if settings.run.concurrency == 0:
        raise ServeError("RUN__CONCURRENCY=0 takes no runs: unset it for a worker")

    async def main(shutdown: Shutdown) -> None:
        from pybot.services.container import open_services

        await refuse_newer_data(settings)
        async with open_services(settings, shutdown.fail):
            say("Pybot takes runs")
            await asyncio.Event().wait()

    run(main, deadline=None)


def _schema(_settings: Settings, _options: argparse.Namespace) -> None:
    """Print the schema as it is served."""
    from pybot.schema.sdl import print_sdl

    say(print_sdl().rstrip("\n"))


def _doctor(settings: Settings, options: argparse.Namespace) -> None:
    """Report for each back end whether it works; exit with 1 when one does not."""
    from pybot.doctor import examine

    all_work = False

    async def main(_shutdown: Shutdown) -> None:
        nonlocal all_work
        if options.local:
            with tempfile.TemporaryDirectory() as folder, open_data_folder(Path(folder)) as data:
                async with local_stack(settings, data, say) as local:
                    all_work = await examine(local, say)
        else:
            all_work = await examine(settings, say)

    run(main, deadline=UP_DEADLINE)
    if not all_work:
        sys.exit(FAILED)


def _importing() -> "asyncio.Future[ApplicationFactory]":
    """Import the application in a thread, which an early end of the process does not wait for."""
    loop = asyncio.get_running_loop()
    imported: asyncio.Future[ApplicationFactory] = loop.create_future()

    def finish(result: Future[ApplicationFactory]) -> None:
        if imported.done():
            return  # the command has ended meanwhile
        if error := result.exception():
            imported.set_exception(error)
        else:
            imported.set_result(result.result())

    def work() -> None:
        result = Future[ApplicationFactory]()
        try:
            result.set_result(_application_factory())
        except BaseException as error:  # raised again where the import is awaited
            result.set_exception(error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(finish, result)

    threading.Thread(target=work, daemon=True, name="import of the application").start()
    return imported


def _application_factory() -> ApplicationFactory:
    from pybot.app import create_app

    return create_app


def _setting_errors(error: ValidationError | SettingsError) -> list[str]:
    """One line for each wrong setting, under the name that it has in the environment."""
    if isinstance(error, SettingsError):  # not the JSON that a list or a section needs
        [name] = re.findall(r'field "(\w+)"', str(error)) or ["settings"]
        return [f"pybot: {name.upper()}: Input should be valid JSON"]
    return [f"pybot: {_mistake(found)}" for found in error.errors(include_url=False)]


def _mistake(found: ErrorDetails) -> str:
    name = "__".join(str(step) for step in found["loc"]).upper()
    if found["type"] == "extra_forbidden":
        near = get_close_matches(name, dict(setting_fields()), n=1, cutoff=0.8)
        return f"{name} is no setting" + (f": did you mean {near[0]}?" if near else "")
    return f"{name}: {found['msg'].removeprefix('Value error, ')}"
