"""What is particular to kernels behind a gateway, tried with a real one."""

import asyncio
import os
from contextlib import aclosing
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from pybot.config import JupyterSettings
from pybot.services.kernels import gateway as gateway_module
from pybot.services.kernels.base import (
    Displayed,
    Done,
    KernelUnavailable,
    Printed,
    Raised,
    Reaction,
    Returned,
    Started,
)
from pybot.services.kernels.gateway import GatewayKernels
from pybot.services.kernels.gateway_env import kernel_username
from pybot.services.kernels.reaction_queue import DROPPED, ReactionQueue, cost
from pybot.services.records import StreamName
from tests.executions import printed, run
from tests.fixtures.gateway import TOKEN, Gateway, MakeGateway


async def test_json_framing_says_the_same(gateway: Gateway, gateway_kernel_id: str) -> None:
    """A gateway that knows no binary framing will do."""
    kernels = GatewayKernels(gateway.settings(), framing=None)
    code = "print('é'); display('shown'); 6 * 7"
    try:
        started, said, shown, returned, done = await run(kernels, gateway_kernel_id, code)
        *_, raised, _ = await run(kernels, gateway_kernel_id, "1 / 0")
    finally:
        await kernels.aclose()
    assert isinstance(started, Started)
    assert said == Printed(name=StreamName.STDOUT, text="é\n")
    assert shown == Displayed(bundle={"text/plain": "'shown'"})
    assert isinstance(returned, Returned)
    assert returned.bundle == {"text/plain": "42"}
    assert done == Done(status="ok", execution_count=started.execution_count)
    assert isinstance(raised, Raised)
    assert raised.ename == "ZeroDivisionError"


async def test_each_kernel_has_its_user_and_conversation_in_its_environment(
    gateway_kernels: GatewayKernels,
) -> None:
    """Kernels that start at the same time get their own variables, and none of the gateway's."""
    names = ("Ann Smith", "bob@example.org")
    code = (
        "from os import environ as env; print(env['KERNEL_PYBOT_USER'], env['KERNEL_USERNAME'], "
        f"any('{TOKEN}' in value for value in env.values()), sep=', ')"
    )
    kernel_ids = await asyncio.gather(*(gateway_kernels.start(uuid4().hex, name) for name in names))
    try:
        said = [printed(await run(gateway_kernels, kernel_id, code)) for kernel_id in kernel_ids]
    finally:
        await asyncio.gather(*(gateway_kernels.shutdown(kernel_id) for kernel_id in kernel_ids))
    assert said == [f"{name}, {kernel_username(name)}, False\n" for name in names]


async def test_large_output_arrives_whole(
    gateway_kernels: GatewayKernels, gateway_kernel_id: str
) -> None:
    """A picture of 20 MB is one message."""
    code = "display({'text/plain': 'x' * 20_000_000}, raw=True)"
    reactions = await run(gateway_kernels, gateway_kernel_id, code)
    (shown,) = [item for item in reactions if isinstance(item, Displayed)]
    assert len(shown.bundle["text/plain"]) == 20_000_000


async def test_code_too_large_for_a_gateway_is_refused(
    gateway_kernels: GatewayKernels, gateway_kernel_id: str
) -> None:
    """Sent, it would cut the connection; what fits is run."""
    with pytest.raises(KernelUnavailable, match=r"takes 10\.5 MiB, and .* 10 MiB at most"):
        await run(gateway_kernels, gateway_kernel_id, f"print(len('{'x' * 11_000_000}'))")
    fitting = f"print(len('{'x' * 10_000_000}'))"
    assert printed(await run(gateway_kernels, gateway_kernel_id, fitting)) == "10000000\n"


async def test_slow_reader_holds_up_nobody(
    gateway_kernels: GatewayKernels, gateway_kernel_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a kernel says is taken at once; what is too much is dropped, with a note."""
    taken: list[int] = []

    class Watched(ReactionQueue):
        def put(self, reaction: Reaction) -> None:
            taken.append(cost(reaction))
            super().put(reaction)

    monkeypatch.setattr(gateway_module, "ReactionQueue", Watched)
    code = "for _ in range(600): print('x' * 99_999, flush=True)"
    reactions = gateway_kernels.execute(gateway_kernel_id, code, message_id=uuid4().hex)
    async with aclosing(reactions):
        assert isinstance(await anext(reactions), Started)
        async with asyncio.timeout(60):
            while sum(taken) < 60_000_000:  # noqa: ASYNC110 (nobody reads on)
                await asyncio.sleep(0.01)
        rest = [item async for item in reactions]
    assert isinstance(rest[-1], Done)
    assert rest[-1].status == "ok"
    assert DROPPED in printed(rest, StreamName.STDERR)
    assert 30_000_000 < len(printed(rest)) < 60_000_000


async def test_kernel_that_cannot_boot_is_unavailable(make_gateway: MakeGateway) -> None:
    """The gateway says that it started a kernel, which then never answers."""
    kernels = GatewayKernels((await make_gateway(program=os.devnull)).settings())
    try:
        with pytest.raises(KernelUnavailable, match="ended while it started"):
            await kernels.start(uuid4().hex, "tester")
    finally:
        await kernels.aclose()


async def test_kernel_that_does_not_answer_is_unavailable_and_ended(
    make_gateway: MakeGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start waits as long as the settings say, and leaves no process."""
    program = tmp_path / "silent.py"
    program.write_text("import time; time.sleep(600)")
    monkeypatch.setattr(gateway_module, "START_MARGIN", 0)
    gateway = await make_gateway(program=str(program))
    kernels = GatewayKernels(gateway.settings(start_timeout=5))
    conversation_id = uuid4().hex
    try:
        with pytest.raises(KernelUnavailable, match="The kernel did not answer within 5 s"):
            await kernels.start(conversation_id, "tester")
        async with asyncio.timeout(30):
            while processes_of(conversation_id):  # noqa: ASYNC110 (a process has no event)
                await asyncio.sleep(0.05)
    finally:
        await kernels.aclose()


async def test_start_that_is_given_up_leaves_no_kernel(
    gateway_kernels: GatewayKernels,
) -> None:
    """Nobody would end it."""
    conversation_id = uuid4().hex
    starting = asyncio.ensure_future(gateway_kernels.start(conversation_id, "tester"))
    async with asyncio.timeout(30):
        while not processes_of(conversation_id):  # noqa: ASYNC110 (a process has no event)
            await asyncio.sleep(0.02)
        starting.cancel()
        while processes_of(conversation_id):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert starting.cancelled()


async def test_wrong_token_is_unavailable_with_the_setting(gateway: Gateway) -> None:
    """An operator reads which setting to look at."""
    kernels = GatewayKernels(gateway.settings(gateway_token=SecretStr("wrong")))
    try:
        with pytest.raises(KernelUnavailable, match="JUPYTER__GATEWAY_TOKEN"):
            await kernels.check()
        with pytest.raises(KernelUnavailable, match="JUPYTER__GATEWAY_TOKEN"):
            await kernels.start(uuid4().hex, "tester")
    finally:
        await kernels.aclose()


async def test_gateway_that_does_not_answer_is_unavailable() -> None:
    """Nobody listens, and the message names the setting."""
    kernels = GatewayKernels(JupyterSettings(gateway_url="http://127.0.0.1:9"))
    try:
        with pytest.raises(KernelUnavailable, match=r"127\.0\.0\.1:9.*JUPYTER__GATEWAY_URL"):
            await kernels.check()
    finally:
        await kernels.aclose()


async def test_folder_is_made_before_the_kernel_starts(gateway: Gateway, tmp_path: Path) -> None:
    """Kubernetes would make it as a folder of root's."""
    kernels = GatewayKernels(gateway.settings(shared_volume_server_path=tmp_path))
    try:
        kernel_id = await kernels.start("c1", "tester")
        await kernels.shutdown(kernel_id)
    finally:
        await kernels.aclose()
    assert (tmp_path / "c1").is_dir()


def processes_of(conversation_id: str) -> list[int]:
    """The kernels' processes that belong to a conversation."""
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            variables = (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"KERNEL_PYBOT_CONVERSATION={conversation_id}".encode() in variables:
            found.append(int(folder.name))
    return found
