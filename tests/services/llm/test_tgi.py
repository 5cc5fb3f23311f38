"""What only the adapter of TGI's native interface does; see also `tests/contracts`."""

import logging
from collections.abc import Sequence

import pytest

from pybot.config import LlmSettings
from pybot.services.llm.base import Delta, ModelError, ModelRequest, ResponseEnd, Turn
from pybot.services.llm.tgi import TgiModel
from pybot.services.records import RunErrorCode
from tests.services.llm.wire import saying


async def read(chunks: Sequence[bytes], stop: Sequence[str] = ()) -> list[Delta | ResponseEnd]:
    """What the adapter makes of a stream that comes in these pieces."""
    async with saying(chunks) as url:
        model = TgiModel(LlmSettings(url=url, idle_timeout=5))
        try:
            request = ModelRequest(turns=[Turn("user", "Hi")], max_tokens=9, stop=stop)
            return [item async for item in model.generate(request)]
        finally:
            await model.aclose()


def token(text: str, last: str = '"generated_text":null,"details":null') -> bytes:
    head = b'data:{"index":1,"token":{"id":1,"text":"'
    return head + text.encode() + b'","logprob":-1,"special":false},' + last.encode() + b"}\n\n"


LAST = '"generated_text":"x","details":{"finish_reason":"length","generated_tokens":2,"seed":null}'


def text_of(items: Sequence[Delta | ResponseEnd]) -> str:
    return "".join(item.text for item in items if isinstance(item, Delta))


async def test_stream_is_read_whatever_its_pieces() -> None:
    whole = token("Größe ") + b":\n\n" + token("日本 😀", LAST)
    items = await read([whole[index : index + 1] for index in range(len(whole))])
    assert text_of(items) == "Größe 日本 😀"
    assert isinstance(items[-1], ResponseEnd)
    assert items[-1].reason == "length"


async def test_older_and_other_servers_put_a_blank_after_the_colon() -> None:
    items = await read([token("ok", LAST).replace(b"data:", b"data: ", 1).replace(b"\n", b"\r\n")])
    assert text_of(items) == "ok"


async def test_tokens_of_the_prompt_are_estimated_where_the_server_does_not_count() -> None:
    finished = (await read([token("ok", LAST)]))[-1]
    assert isinstance(finished, ResponseEnd)
    assert finished.usage.completion_tokens == 2
    assert finished.usage.prompt_tokens > 5


async def test_text_behind_the_fence_is_not_waited_for() -> None:
    chunks = [token("x\\n```\\n\\nDone"), token(" never read", LAST)]
    items = await read(chunks, stop=["\n```\n"])
    assert text_of(items) == "x\n```\n"
    assert isinstance(items[-1], ResponseEnd)
    assert items[-1].reason == "stop"


async def test_end_token_that_comes_as_text_ends_it() -> None:
    items = await read([token("Bye<|im"), token("_end|>"), token("more")])
    assert text_of(items) == "Bye"
    assert isinstance(items[-1], ResponseEnd)


async def test_held_text_comes_with_the_end() -> None:
    assert text_of(await read([token("a <|", LAST)])) == "a <|"


async def test_service_that_says_nothing_of_itself_is_not_available(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The context window of the settings still counts; the log says why nothing is known."""
    async with saying([b"data: no JSON\n\n"]) as url:
        model = TgiModel(LlmSettings(url=url, context_window=999))
        with caplog.at_level(logging.INFO, "pybot"):
            info = await model.info()
        await model.aclose()
    assert (info.available, info.context_window) == (False, 999)
    assert "no information from the model's service: JSON is malformed" in caplog.text


async def test_garbage_is_an_interruption() -> None:
    with pytest.raises(ModelError) as caught:
        await read([b"data:{not json}\n\n"])
    assert caught.value.code == RunErrorCode.MODEL_INTERRUPTED


async def test_endless_line_is_an_interruption() -> None:
    with pytest.raises(ModelError) as caught:
        await read([b"data:" + b"x" * 1024 * 1024] * 10)
    assert caught.value.code == RunErrorCode.MODEL_INTERRUPTED
