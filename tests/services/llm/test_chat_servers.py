"""The adapter of chat completions before two real servers with the real small model."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import anyio
import pytest

from pybot.config import LlmSettings
from pybot.services.llm.base import ChatModel, Delta, ModelError, ModelRequest, ResponseEnd, Turn
from pybot.services.llm.chat import ChatCompletionsModel
from pybot.services.llm.profiles import SMOLLM2, STOP
from pybot.services.records import RunErrorCode
from tests import llama_server

SERVERS = {
    "local": ("pybot.services.local.llm_server", "--port", "0"),
    "llamacpp": ("tests.llama_server",),
}
WINDOWS = {"local": None, "llamacpp": llama_server.CONTEXT}
WAIT = 60  # seconds, for a machine that does a lot else


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """A server's name and address."""
    command = [sys.executable, "-m", *SERVERS[request.param]]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield request.param, line.removeprefix("Listening on ").strip()
        process.terminate()
        process.wait(WAIT)


@pytest.fixture
async def model(server: tuple[str, str]) -> AsyncIterator[ChatModel]:
    """The adapter before a server."""
    opened = ChatCompletionsModel(LlmSettings(url=server[1], api="openai"))
    yield opened
    await opened.aclose()


async def answer(model: ChatModel, *turns: Turn, max_tokens: int) -> tuple[str, ResponseEnd]:
    request = ModelRequest(turns=turns, max_tokens=max_tokens, stop=STOP, temperature=0)
    *deltas, finished = [item async for item in model.generate(request)]
    assert isinstance(finished, ResponseEnd)
    return "".join(delta.text for delta in deltas if isinstance(delta, Delta)), finished


async def test_server_says_what_it_knows(server: tuple[str, str], model: ChatModel) -> None:
    info = await model.info()
    assert info.available
    assert info.context_window == WINDOWS[server[0]]


async def test_answer_is_counted(model: ChatModel) -> None:
    text, finished = await answer(model, Turn("user", "Repeat: 😀 日本"), max_tokens=6)
    assert text
    assert "\ufffd" not in text
    assert finished.reason == "length"
    assert finished.usage.completion_tokens == 6
    assert finished.usage.prompt_tokens > 10


async def test_answer_ends_by_itself(model: ChatModel) -> None:
    text, finished = await answer(model, Turn("user", "Hi"), max_tokens=200)
    assert "<|im_end|>" not in text
    assert finished.reason == "stop"
    assert 0 < finished.usage.completion_tokens < 200


async def test_generation_stops_behind_the_fence(model: ChatModel) -> None:
    system = Turn("system", SMOLLM2.system)
    question = Turn("user", "What is 2 to the power of 64?")
    text, finished = await answer(model, system, *SMOLLM2.few_shot, question, max_tokens=200)
    assert "```python\n" in text
    assert text.endswith("\n```\n")
    assert text.count("```") == 2
    assert finished.reason == "stop"


async def test_unfinished_turn_is_continued(server: tuple[str, str], model: ChatModel) -> None:
    turns = (Turn("user", "Count to 9."), Turn("assistant", "1, 2, 3,"))
    text, _ = await answer(model, *turns, max_tokens=6)
    # The local server is asked in a further message, which so small a model reads its own way.
    assert text if server[0] == "local" else text.startswith(" 4, 5")


async def test_too_long_prompt_is_an_error_of_its_own(model: ChatModel) -> None:
    with pytest.raises(ModelError) as caught:
        await answer(model, Turn("user", "word " * 5000), max_tokens=6)
    assert caught.value.code is RunErrorCode.CONTEXT_TOO_LONG


async def test_closing_ends_the_generation(server: tuple[str, str], model: ChatModel) -> None:
    request = ModelRequest(turns=[Turn("user", "Write a long story.")], max_tokens=800)
    async with aiohttp.ClientSession() as session:
        for _ in range(3):  # more than there are places
            pieces = model.generate(request)
            await anext(pieces)
            close: Any = getattr(pieces, "aclose", None)
            await close()
        with anyio.fail_after(WAIT):
            # Another process is asked: there is nothing to wait for.
            while server[0] == "llamacpp" and await _is_busy(session, server[1]):  # noqa: ASYNC110
                await anyio.sleep(0.05)
    text, _ = await answer(model, Turn("user", "Hi"), max_tokens=2)
    assert text


async def _is_busy(session: aiohttp.ClientSession, url: str) -> bool:
    async with session.get(f"{url}/slots") as response:
        return any(slot["is_processing"] for slot in await response.json())
