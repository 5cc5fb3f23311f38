"""The local stack: what the environment does not name, started on this machine."""

import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

import pybot
from pybot.config import Settings
from pybot.services.background.supervisor import Supervisor
from pybot.services.llm.smollm2 import DEMO_MODEL
from pybot.services.local.data_folder import DataFolder
from pybot.services.local.llm_process import LlmServer
from pybot.services.local.owner_config import owner_config
from pybot.services.local.owner_process import KernelOwner
from pybot.services.local.process import Program
from pybot.services.local.programs import supervised
from pybot.services.local.redis_server import RedisServer

LOCAL_USER = "local"


@asynccontextmanager
async def local_stack(
    settings: Settings,
    data: DataFolder,
    say: Callable[[str], None],
    on_failure: Callable[[str], object] | None = None,
) -> AsyncGenerator[Settings]:
    """Run what `settings` does not name; gives the settings that reach it.

    `say` gets a line of progress for each step. StackError when something does not start. Redis
    starts first and ends last: everything else may still be writing to it. `on_failure` is called
    once when programs are watched no more, because of a bug: the process is to end.
    """
    stack = _Stack(settings, data)
    redis, others = stack.redis(), [*stack.model(), *stack.kernels()]
    supervisor = Supervisor(on_failure)
    async with AsyncExitStack() as exits:
        for programs in (redis, others):
            if programs:
                started = time.monotonic()
                say(f"Starting {' and '.join(program.name for program in programs)} …")
                await exits.enter_async_context(supervised(programs, supervisor))
                say(f"  ready in {time.monotonic() - started:.1f} s")
        yield stack.settings


class _Stack:
    """Collects the programs to start, and the settings that lead to them."""

    def __init__(self, settings: Settings, data: DataFolder) -> None:
        self._given = settings
        self._data = data
        self.settings = settings.model_copy(
            update={"local_user": settings.local_user or LOCAL_USER}
        )

    def redis(self) -> Sequence[Program]:
        """Redis, unless REDIS_OM_URL names one."""
        if "redis_om_url" in self._given.model_fields_set:
            return ()
        server = RedisServer(
            self._data.subfolder("redis"), self._data.sockets, pass_fds=(self._data.lock,)
        )
        server.prepare()
        self._set(redis_om_url=SecretStr(server.url))
        return (server.program,)

    def model(self) -> Sequence[Program]:
        """The small model, unless LLM__URL names one."""
        if "url" in self._given.llm.model_fields_set:
            return ()
        server = LlmServer(self._data.subfolder("logs"))
        self._set(
            llm=self.settings.llm.model_copy(
                update={"url": server.url, "api": "tgi", "model": DEMO_MODEL, "profile": "smollm2"}
            )
        )
        return (server.program,)

    def kernels(self) -> Sequence[Program]:
        """The kernels' owner, unless a gateway or another owner is named."""
        if {"gateway_url", "owner_socket"} & self._given.jupyter.model_fields_set:
            return ()
        files = self._data.subfolder("files")
        config = owner_config(
            self._given,
            python=kernel_python(self._given),
            files=files,
            socket_dir=self._data.sockets,
        )
        owner = KernelOwner(config, self._data.subfolder("logs"))
        owner.prepare()
        self._set(
            jupyter=self.settings.jupyter.model_copy(
                update={"owner_socket": owner.socket, "shared_volume_server_path": files}
            )
        )
        return (owner.program,)

    def _set(self, **changes: object) -> None:
        self.settings = self.settings.model_copy(update=changes)


def kernel_python(settings: Settings) -> Path:
    """The Python that kernels run: the named one, the set-up's own, else Pybot's."""
    if settings.kernels.python:
        return settings.kernels.python
    of_setup = Path(pybot.__file__).parents[1] / ".venv-kernels" / "bin" / "python"
    return of_setup if os.access(of_setup, os.X_OK) else Path(sys.executable)
