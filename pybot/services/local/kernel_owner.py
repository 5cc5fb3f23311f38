"""The process that owns this machine's kernels: they live no longer than it does.

`python -m pybot.services.local.kernel_owner CONFIG.json`, where the file holds an `OwnerConfig`.
It answers on its socket once it is ready, logs to standard error, and ends with all its kernels
on SIGTERM, SIGINT, or when its parent is gone.
"""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from pybot.services.background.supervisor import Supervisor
from pybot.services.background.tasks import cancel_and_wait
from pybot.services.local.owner_config import OwnerConfig, read_config
from pybot.services.local.owner_server import OwnerServer

log = logging.getLogger(__name__)

PARENT_INTERVAL = 1.0  # seconds between two checks of the parent


async def own_kernels(config: OwnerConfig, parent: int) -> str:
    """Serve until a signal, or until the parent has gone; then end all kernels.

    Gives what has failed when a loop of its own has; empty otherwise.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = OwnerServer(config)
    listening = await server.start()
    supervisor = Supervisor(lambda _: stop.set())
    loops = [
        supervisor.start(server.pool.cull_forever(), "culling of kernels"),
        supervisor.start(_watch_parent(parent, stop), "watch of the parent process"),
    ]
    log.info("Ready on %s", config.socket)
    try:
        await stop.wait()
    finally:
        await cancel_and_wait(*loops)
        listening.close()
        await server.aclose()
        Path(config.socket).unlink()  # noqa: ASYNC240 (of no length)
    return supervisor.failure


async def _watch_parent(parent: int, stop: asyncio.Event) -> None:
    while os.getppid() == parent:  # noqa: ASYNC110 (there is no event for it)
        await asyncio.sleep(PARENT_INTERVAL)
    log.warning("The parent process is gone")
    stop.set()


def main() -> None:
    """Run the owner that the configuration file in the arguments describes."""
    parent = os.getppid()  # before anything takes time: it may end at any moment
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    if len(sys.argv) != 2:
        sys.exit("usage: python -m pybot.services.local.kernel_owner CONFIG.json")
    os.umask(0o077)
    # `pybot up` starts another owner when the exit code is not 0.
    sys.exit(asyncio.run(own_kernels(read_config(Path(sys.argv[1])), parent)) or 0)


if __name__ == "__main__":
    main()
