"""A kernel's main program, run by the Python of the kernels' environment.

`main.py -f CONNECTION_FILE`: ipykernel, with what a cell can expect to find in Pybot. It knows
nothing of the rest of Pybot, and its imports are resolved where it runs.

It is also the one place that changes ipykernel (7.4) where that has no setting:

- `lengthen_queues` (`_bind_socket`): outputs that no reader has taken yet are not dropped.
- `bound_stream` (`_flush_buffers`): printed text comes in small messages, up to a limit.
- `repeat_interrupts` (`_send_interrupt_children`, the hooks around a cell): no interrupt is lost.

`tests/contracts/test_kernels.py` and `tests/contracts/test_interrupts.py` notice a change.
"""

import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

# Names that code uses without importing them, as notebooks do. They are imported by the first
# cell that mentions them: together they would take a second of every kernel's start.
NAMES = {"np": "numpy", "pd": "pandas", "plt": "matplotlib.pyplot"}
CHUNK = 64 * 1024  # characters of a stream in one message
# ipykernel's output thread waits for itself, for ever, when it sends 2,000 messages in one go.
MOST_PIECES = 500
# Messages that wait for a slow reader; beyond it, ZeroMQ drops them, the end of a cell too.
IOPUB_QUEUE = 100_000
INTERRUPTS = 20  # tries
INTERRUPT_INTERVAL = 0.05  # seconds between them


def main() -> None:
    """Run the kernel until it is asked to end."""
    os.chdir(os.environ.pop("PYBOT_FOLDER"))
    os.environ["PWD"] = str(Path.cwd())
    config = import_module("traitlets.config").Config()
    config.HistoryManager.enabled = False
    if parent := os.environ.pop("PYBOT_PARENT", ""):  # a gateway is named by JPY_PARENT_PID
        config.IPKernelApp.parent_handle = int(parent)
    limit = int(os.environ.pop("PYBOT_STREAM_LIMIT", "0"))
    app = import_module("ipykernel.kernelapp").IPKernelApp.instance(config=config)
    lengthen_queues(app)
    app.initialize(sys.argv[1:])
    hook = importer(app.shell.user_ns)
    app.shell.events.register("pre_run_cell", hook)
    repeat_interrupts(app.kernel, catcher(app.shell, hook))
    for stream in (sys.stdout, sys.stderr):
        bound_stream(stream, limit)
    sys.path.remove(str(Path(__file__).parent))
    app.start()


def importer(namespace: dict[str, Any]) -> Callable[[Any], None]:
    """A hook before each cell that binds the NAMES that it mentions and nothing has bound."""

    def bind(info: Any) -> None:
        for name, module in NAMES.items():
            if name not in namespace and re.search(rf"\b{name}\b", info.raw_cell):
                try:
                    namespace[name] = import_module(module)
                except ImportError:  # the cell raises a NameError by itself
                    continue

    return bind


def lengthen_queues(app: Any) -> None:
    """Let more outputs wait for a reader; it can only be set before a socket is bound."""
    bind = app._bind_socket  # noqa: SLF001 (ipykernel has no setting for it)

    def bind_socket(socket: Any, port: int) -> Any:
        socket.sndhwm = IOPUB_QUEUE
        return bind(socket, port)

    app._bind_socket = bind_socket  # noqa: SLF001


def bound_stream(stream: Any, limit: int) -> None:
    """Send a stream in small messages, and no more than `limit` characters of a cell (0: all).

    ipykernel sends what was printed in 0.2 s as one message, however long.
    """
    take, spent = stream._flush_buffers, {"cell": None, "size": 0}  # noqa: SLF001 (no setting)

    def flush_buffers() -> Iterator[tuple[Any, str]]:
        for parent, text in take():
            cell = parent.get("msg_id")
            if cell != spent["cell"]:
                spent.update(cell=cell, size=0)
            yield from ((parent, piece) for piece in pieces(text, spent, limit))

    stream._flush_buffers = flush_buffers  # noqa: SLF001


def pieces(text: str, spent: dict[str, Any], limit: int) -> Iterator[str]:
    """Cut text into messages, up to the limit; a last one says that more was dropped."""
    size, room = spent["size"], limit - spent["size"] if limit else len(text)
    spent["size"] = size + len(text)
    kept = text[: max(room, 0)]
    step = max(CHUNK, len(kept) // MOST_PIECES + 1)
    yield from (kept[start : start + step] for start in range(0, len(kept), step))
    if limit and size <= limit < spent["size"]:
        yield f"\n[Output beyond {limit:,} characters was dropped.]\n"


def catcher(shell: Any, hook: Callable[[Any], None]) -> Callable[[FrameType | None], bool]:
    """Makes the check whether IPython shows an exception of a frame as the error of the cell.

    So it is in the cell's code and in what draws its figures afterwards. Elsewhere an exception
    would cost the cell its reply; and one in the hook before the cell would be shown, and the cell
    be run nevertheless.
    """
    catch: set[CodeType] = {shell.run_code.__code__, shell.events.trigger.__code__}
    pass_on: set[CodeType] = {shell.showtraceback.__code__, hook.__code__}

    def catches(interrupted: FrameType | None) -> bool:
        frame = interrupted
        while frame is not None and frame.f_code not in pass_on:
            if frame.f_code in catch:
                return frame is not interrupted
            frame = frame.f_back
        return False

    return catches


def repeat_interrupts(kernel: Any, catches: Callable[[FrameType | None], bool]) -> None:
    """Interrupt a cell's code, and nothing else: repeat signals until the code was interrupted.

    A signal that comes between the last look at it and the call that then sleeps does not wake
    that call: `time.sleep(60)` takes the full minute. So does `await asyncio.sleep(60)`, since
    Tornado schedules the cancellation without waking the loop that it interrupted. And one that
    comes before or after a cell's code, in ipykernel's own, ends the cell without a reply.
    """
    handled, running = threading.Event(), threading.Event()
    after = kernel.post_handler_hook
    send_once = kernel._send_interrupt_children  # noqa: SLF001 (no other way to it)

    def handle(number: int, frame: FrameType | None) -> None:
        if catches(frame):
            handled.set()
            signal.default_int_handler(number, frame)

    def pre_handler_hook() -> None:  # in place of ipykernel's, whose handler always raises
        kernel.saved_sigint_handler = signal.signal(signal.SIGINT, handle)
        running.set()

    def post_handler_hook() -> None:
        running.clear()
        after()

    def send() -> None:
        handled.clear()
        for _ in range(INTERRUPTS):
            send_once()
            if handled.wait(INTERRUPT_INTERVAL) or not running.is_set():
                break
            kernel.io_loop.add_callback(int)  # from this thread, it wakes the loop

    kernel.pre_handler_hook = pre_handler_hook
    kernel.post_handler_hook = post_handler_hook
    kernel._send_interrupt_children = send  # noqa: SLF001


if __name__ == "__main__":
    main()
