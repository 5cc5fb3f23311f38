"""Connections that are cut, and kernels that end behind Pybot's back: a real gateway's faults."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from pybot.services.kernels import gateway as gateway_module
from pybot.services.kernels import gateway_execution
from pybot.services.kernels.base import (
    Done,
    KernelDied,
    KernelNotice,
    KernelUnavailable,
    Printed,
    Raised,
    Reaction,
)
from pybot.services.kernels.gateway import GatewayKernels
from pybot.services.kernels.gateway_http import GatewayHttp
from pybot.services.records import StreamName
from tests.fixtures.gateway import TOKEN, Gateway, MakeGateway
from tests.proxy import cut_proxy

SLEEP = "print('on', flush=True); import time; time.sleep(60)"
STUBBORN = f"""
while True:
    try: {SLEEP}
    except KeyboardInterrupt: pass
"""


@pytest.fixture
async def others(gateway: Gateway) -> AsyncGenerator[GatewayKernels]:
    """Another process's client."""
    kernels = GatewayKernels(gateway.settings())
    yield kernels
    await kernels.aclose()


@pytest.fixture
async def own_kernel_id(others: GatewayKernels) -> AsyncGenerator[str]:
    """A kernel that a test may end."""
    kernel_id = await others.start(uuid4().hex, "tester")
    yield kernel_id
    await others.shutdown(kernel_id)


def waiting_for(path: Path) -> str:
    """Code that says `first`, waits for a file, and says `second`."""
    return (
        "import os, time; print('first', flush=True)\n"
        f"while not os.path.exists({str(path)!r}): time.sleep(0.01)\n"
        "print('second')"
    )


async def all_of(reactions: AsyncGenerator[Reaction]) -> list[Reaction]:
    """Every reaction that comes."""
    return [item async for item in reactions]


async def until_printed(reactions: AsyncGenerator[Reaction]) -> None:
    """Read up to the first output."""
    async for reaction in reactions:
        if isinstance(reaction, Printed):
            return


async def until_known(gateway: Gateway, kernel_id: str, **facts: object) -> None:
    """Wait until the gateway knows something of a kernel."""
    http = GatewayHttp(gateway.url, SecretStr(TOKEN))
    try:
        async with asyncio.timeout(10):
            while not facts.items() <= (await http.describe(kernel_id)).items():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        await http.aclose()


async def test_code_is_followed_over_connections_that_are_cut(
    gateway: Gateway, gateway_kernel_id: str, tmp_path: Path
) -> None:
    """Nothing that the kernel says meanwhile is lost."""
    go = tmp_path / "go"
    port = int(gateway.url.rsplit(":", 1)[1])
    async with cut_proxy(port) as (proxy, url):
        kernels = GatewayKernels(gateway.settings(gateway_url=url))
        reactions = kernels.execute(gateway_kernel_id, waiting_for(go), message_id=uuid4().hex)
        async with aclosing(reactions):
            await until_printed(reactions)
            proxy.refuse = True
            proxy.cut()
            await until_known(gateway, gateway_kernel_id, connections=0)
            go.touch()
            await until_known(gateway, gateway_kernel_id, execution_state="idle")
            proxy.refuse = False
            gap, second, done = [item async for item in reactions]
        await kernels.aclose()
    assert gap == Printed(name=StreamName.STDERR, text=gateway_execution.GAP)
    assert isinstance(second, Printed)
    assert second.text == "second\n"
    assert isinstance(done, Done)
    assert done.status == "ok"


async def test_another_process_follows_code_that_runs(
    gateway: Gateway, gateway_kernel_id: str, others: GatewayKernels, tmp_path: Path
) -> None:
    """Who knows the message's ID hears all that came since its process was lost."""
    go, message_id = tmp_path / "go", uuid4().hex
    kernels = GatewayKernels(gateway.settings())
    reactions = kernels.execute(gateway_kernel_id, waiting_for(go), message_id=message_id)
    async with aclosing(reactions):
        await until_printed(reactions)
    await kernels.aclose()
    await until_known(gateway, gateway_kernel_id, connections=0)
    followed = others.follow(gateway_kernel_id, message_id=message_id)
    following = asyncio.ensure_future(all_of(followed))
    await until_known(gateway, gateway_kernel_id, connections=1)
    go.touch()
    second, done = await following
    assert isinstance(second, Printed)
    assert second.text == "second\n"
    assert isinstance(done, Done)
    assert done.status == "ok"


async def test_newest_follower_has_the_code(
    gateway_kernel_id: str, gateway_kernels: GatewayKernels, others: GatewayKernels, tmp_path: Path
) -> None:
    """A worker that was stopped and comes back takes nothing from the one in its place."""
    go, message_id = tmp_path / "go", uuid4().hex
    code = (
        "import os, time\n"
        f"while not os.path.exists({str(go)!r}): print('tick', flush=True); time.sleep(0.02)\n"
        "print('end')"
    )
    first = gateway_kernels.execute(gateway_kernel_id, code, message_id=message_id)
    second = others.follow(gateway_kernel_id, message_id=message_id)
    async with aclosing(first), aclosing(second):
        await until_printed(first)
        await until_printed(second)
        with pytest.raises(KernelUnavailable, match="Another process"):
            async for _ in first:
                pass
        go.touch()
        rest = [item async for item in second]
    assert isinstance(rest[-1], Done)
    assert "end\n" in "".join(item.text for item in rest if isinstance(item, Printed))


async def test_end_that_was_lost_with_the_connection_is_an_error_output(
    gateway: Gateway, own_kernel_id: str, others: GatewayKernels, tmp_path: Path
) -> None:
    """Of code whose end cannot be known any more, just that is said; the kernel lives."""
    go, ended = tmp_path / "go", tmp_path / "ended"
    code = f"{waiting_for(go)}; open({str(ended)!r}, 'w').close()"
    port = int(gateway.url.rsplit(":", 1)[1])
    async with cut_proxy(port) as (proxy, url):
        kernels = GatewayKernels(gateway.settings(gateway_url=url))
        reactions = kernels.execute(own_kernel_id, code, message_id=uuid4().hex)
        async with aclosing(reactions):
            await until_printed(reactions)
            proxy.refuse = True
            proxy.cut()
            go.touch()
            # Another session's connection makes the gateway forget what it kept for the first.
            assert await all_of(others.execute(own_kernel_id, "1", message_id=uuid4().hex))
            assert ended.exists()
            proxy.refuse = False
            _, raised, done = [item async for item in reactions]
        await kernels.aclose()
    assert isinstance(raised, Raised)
    assert raised.ename == "ConnectionLost"
    assert isinstance(done, Done)
    assert done.status == "error"
    assert await others.is_alive(own_kernel_id)


async def test_kernel_deleted_elsewhere_is_dead(
    own_kernel_id: str, gateway_kernels: GatewayKernels, others: GatewayKernels
) -> None:
    """The connection stays open and silent: only a request to the gateway finds it out."""
    reactions = gateway_kernels.execute(own_kernel_id, STUBBORN, message_id=uuid4().hex)
    async with aclosing(reactions):
        await until_printed(reactions)
        await others.shutdown(own_kernel_id)
        async with asyncio.timeout(5):
            with pytest.raises(KernelDied):
                async for _ in reactions:
                    pass


async def test_kernel_restarted_elsewhere_is_dead(
    own_kernel_id: str, gateway_kernels: GatewayKernels, others: GatewayKernels
) -> None:
    """The kernel that answers is not the one that took the code."""
    reactions = gateway_kernels.execute(own_kernel_id, SLEEP, message_id=uuid4().hex)
    async with aclosing(reactions):
        await until_printed(reactions)
        await others.restart(own_kernel_id)
        async with asyncio.timeout(10):
            with pytest.raises(KernelDied):
                async for _ in reactions:
                    pass


async def test_culled_kernel_is_noticed(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An idle kernel that the gateway ends is a notice."""
    monkeypatch.setattr(gateway_module, "POLL_INTERVAL", 0.2)
    # Longer than a start takes on a busy machine: a kernel that starts is idle already.
    culling = {"cull_idle_timeout": 4, "cull_interval": 1}
    options = {f"MappingKernelManager.{name}": value for name, value in culling.items()}
    kernels = GatewayKernels((await make_gateway(**options)).settings())
    try:
        kernel_id = await kernels.start("c1", "tester")
        async with asyncio.timeout(30):
            notice = await anext(kernels.notices())
    finally:
        await kernels.aclose()
    assert notice == KernelNotice(conversation_id="c1", kernel_id=kernel_id, status="culled")


async def test_gateway_that_is_killed_ends_the_code(
    make_gateway: MakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can reach its kernels any more; those that are its own children end as well."""
    monkeypatch.setattr(gateway_execution, "RECONNECT_TIMEOUT", 1)
    gateway = await make_gateway()
    kernels = GatewayKernels(gateway.settings())
    code = f"import os; open('pid', 'w').write(str(os.getpid())); {SLEEP}"
    try:
        kernel_id = await kernels.start(uuid4().hex, "tester")
        reactions = kernels.execute(kernel_id, code, message_id=uuid4().hex)
        async with aclosing(reactions):
            await until_printed(reactions)
            gateway.child.kill()
            with pytest.raises(KernelUnavailable, match="connection to the kernel was lost"):
                async for _ in reactions:
                    pass
        kernel = Path("/proc", (gateway.folder / "pid").read_text())
        async with asyncio.timeout(10):
            while kernel.exists():  # noqa: ASYNC110 (nothing else tells)
                await asyncio.sleep(0.1)
    finally:
        await kernels.aclose()
