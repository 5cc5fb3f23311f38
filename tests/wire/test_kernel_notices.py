"""What the provider of kernels says by itself, also when it says it late."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec
import pytest
from redis.asyncio import Redis

from pybot.schema import ids
from pybot.services.kernels.base import KernelNotice
from pybot.services.kernels.local import LocalKernels
from pybot.services.records import Kernel
from pybot.services.store import keys
from tests.client import Api
from tests.fixtures.server import Start

SHUTDOWN = """mutation($id: ID!) {
  shutdownKernel(input: {conversationId: $id}) { errors { code } } }"""
RUN = "[[code: x = 1]] [[answer: Done.]]"


async def ran(ann: Api, conversation: str | None = None) -> str:
    """Have code run; the conversation."""
    sent = await ann.send(RUN, conversation)
    await ann.until_ended(sent)
    return str(sent["conversation"]["id"])


async def kernel_of(client: Redis, conversation: str) -> str:
    """The provider's ID of a conversation's kernel."""
    stored = await client.get(keys.kernel(service_id(conversation)))
    assert stored is not None
    return str(msgspec.json.decode(stored, type=Kernel).kernel_id)


def service_id(conversation: str) -> str:
    """The service's ID of a conversation."""
    return str(ids.decode_as("Conversation", conversation))


async def until_dead(ann: Api, conversation: str) -> None:
    """Wait until a conversation's kernel is dead."""
    async with asyncio.timeout(10):
        while (await ann.snapshot(conversation))["kernel"]["status"] != "DEAD":  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_late_notice_of_an_old_kernel_leaves_the_new_one_alone(
    start: Start, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the word on a kernel that the conversation has now is taken."""
    queue: asyncio.Queue[KernelNotice] = asyncio.Queue()

    async def notices(_: LocalKernels) -> AsyncGenerator[KernelNotice]:
        while True:
            yield await queue.get()

    def died(conversation: str, kernel_id: str) -> None:
        queue.put_nowait(
            KernelNotice(
                conversation_id=service_id(conversation), kernel_id=kernel_id, status="died"
            )
        )

    monkeypatch.setattr(LocalKernels, "notices", notices)
    async with start() as server, Redis.from_url(redis_url) as client:
        ann = server.user()
        conversation, other = await ran(ann), await ran(ann)
        old = await kernel_of(client, conversation)
        await ann.ask(SHUTDOWN, id=conversation)
        await ran(ann, conversation)
        new = await kernel_of(client, conversation)
        assert new != old
        died(conversation, old)
        died(other, await kernel_of(client, other))  # notices are taken in order
        await until_dead(ann, other)
        assert (await ann.snapshot(conversation))["kernel"]["status"] == "IDLE"
        died(conversation, new)
        await until_dead(ann, conversation)
