"""What only the adapter of chat completions does; see also `tests/contracts`."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from pybot.config import LlmSettings
from pybot.services.llm import chat
from pybot.services.llm.adapters import model_of
from pybot.services.llm.base import Delta, ModelError, ModelRequest, ResponseEnd, Turn
from pybot.services.llm.chat import ChatCompletionsModel
from pybot.services.llm.tgi import TgiModel
from pybot.services.records import RunErrorCode
from tests.chat_shapes import MODEL, Dialect, thought
from tests.scripted_chat import ScriptedChat
from tests.services.llm.wire import saying

DONE = b"data: [DONE]\n\n"


def event(**fields: Any) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()


def text(content: str | None, reason: str | None = None, **fields: Any) -> bytes:
    return event(choices=[{"delta": {"content": content}, "finish_reason": reason}], **fields)


def usage(prompt: int, completion: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": completion}


async def read(
    chunks: Sequence[bytes], stop: Sequence[str] = (), *, stays: bool = False
) -> list[Delta | ResponseEnd]:
    """What the adapter makes of a stream that comes in these pieces."""
    async with saying(chunks, stays=stays) as url:
        model = ChatCompletionsModel(LlmSettings(url=url, idle_timeout=5))
        try:
            request = ModelRequest(turns=[Turn("user", "Hi" * 20)], max_tokens=9, stop=stop)
            return [item async for item in model.generate(request)]
        finally:
            await model.aclose()


async def failure(*chunks: bytes) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await read(chunks)
    return caught.value


def text_of(items: Sequence[Delta | ResponseEnd]) -> str:
    return "".join(item.text for item in items if isinstance(item, Delta))


def end_of(items: Sequence[Delta | ResponseEnd]) -> ResponseEnd:
    assert isinstance(items[-1], ResponseEnd)
    return items[-1]


async def test_stream_is_read_whatever_its_pieces() -> None:
    whole = text("Größe ") + b": ping\n\n" + text("日本 😀") + text(None, "stop") + DONE
    items = await read([whole[index : index + 1] for index in range(len(whole))])
    assert text_of(items) == "Größe 日本 😀"


async def test_lines_may_end_in_two_characters() -> None:
    whole = b"event: message\n" + text("ok", "stop") + DONE
    assert text_of(await read([whole.replace(b"\n", b"\r\n")], stays=True)) == "ok"


async def test_usage_may_come_with_the_end_or_behind_it() -> None:
    within = await read([text("a"), text("", "stop", usage=usage(3, 1))], stays=True)
    behind = await read(
        [text("a"), text("", "stop"), event(choices=[], usage=usage(3, 1)), DONE], stays=True
    )
    assert end_of(within) == end_of(behind)
    assert end_of(within).usage.prompt_tokens == 3


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({}, (None, None)),
        ({"prompt_tokens_details": None, "completion_tokens_details": None}, (None, None)),
        (
            {"prompt_tokens_details": {"cached_tokens": 2}, "completion_tokens_details": {}},
            (2, None),
        ),
        ({"completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 1}}, (None, 0)),
    ],
)
async def test_details_of_the_usage_are_taken_where_they_are_given(
    details: dict[str, Any], expected: tuple[int | None, int | None]
) -> None:
    counted = {**usage(3, 1), **details}
    found = end_of(await read([text("a"), text("", "stop", usage=counted), DONE])).usage
    assert (found.cached_tokens, found.reasoning_tokens) == expected


async def test_usage_in_every_chunk_is_not_the_end() -> None:
    items = await read([text(word, usage=usage(3, 1)) for word in "abc"] + [text("", "stop"), DONE])
    assert text_of(items) == "abc"


async def test_end_without_done_or_usage_is_an_end() -> None:
    items = await read([text("a"), text("b", "length")])
    assert text_of(items) == "ab"
    assert end_of(items).reason == "length"
    assert end_of(items).usage.completion_tokens == 2
    assert end_of(items).usage.prompt_tokens == 10


async def test_usage_that_does_not_follow_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chat, "USAGE_TIMEOUT", 0.05)
    assert text_of(await read([text("a", "stop")], stays=True)) == "a"


async def test_done_without_an_end_is_an_interruption() -> None:
    error = await failure(text("a"), DONE)
    assert error.code is RunErrorCode.MODEL_INTERRUPTED
    assert error.retryable


@pytest.mark.parametrize("reason", ["abort", "error", "content_filter"])
async def test_end_that_is_none_is_an_interruption(reason: str) -> None:
    assert (await failure(text("a", reason))).code is RunErrorCode.MODEL_INTERRUPTED


async def test_empty_reason_is_no_end() -> None:
    assert text_of(await read([text("a", ""), text("b", "stop"), DONE])) == "ab"


@pytest.mark.parametrize(
    "chunk",
    [
        event(choices=[{"delta": {"role": "assistant"}}]),
        event(choices=[{"delta": {"content": None, "tool_calls": None}}]),
        event(choices=[{"delta": {"content": "", "tool_calls": []}}]),
        event(choices=[{"delta": None}]),
        event(choices=[]),
        event(choices=None, error=None),
        event(object="chat.completion.chunk"),
    ],
)
async def test_chunk_without_text_is_passed_over(chunk: bytes) -> None:
    items = await read([chunk, text("a"), chunk, text(None, "stop"), DONE])
    assert items[0] == Delta("a")
    assert end_of(items).usage.completion_tokens == 1


@pytest.mark.parametrize("dialect", ["vllm", "ollama"])
async def test_thoughts_are_deltas_of_reasoning(dialect: Dialect) -> None:
    thoughts = [event(**thought(dialect, word)) for word in ("Hm", "\n```\n")]
    items = await read([*thoughts, text("Yes"), text("", "stop"), DONE], stop=["\n```\n"])
    assert items[:2] == [Delta("Hm", reasoning=True), Delta("\n```\n", reasoning=True)]
    assert items[2] == Delta("Yes")


async def test_text_behind_the_fence_is_not_waited_for() -> None:
    items = await read([text("x\n```\n\nDone")], stop=["\n```\n"], stays=True)
    assert text_of(items) == "x\n```\n"
    assert end_of(items).reason == "stop"


async def test_block_left_open_by_the_model_stays_open() -> None:
    items = await read([text("```python\nx"), text("", "stop"), DONE], stop=["\n```\n"])
    assert text_of(items) == "```python\nx"


async def test_end_token_that_comes_as_text_ends_it() -> None:
    assert text_of(await read([text("Bye<|im"), text("_end|>")], stays=True)) == "Bye"


async def test_held_text_comes_with_the_end() -> None:
    assert text_of(await read([text("a <|"), text("", "stop"), DONE])) == "a <|"


@pytest.mark.parametrize("garbage", [b"data: {not json}\n\n", b"data: [1]\n\n"])
async def test_garbage_is_an_interruption(garbage: bytes) -> None:
    assert (await failure(garbage)).code is RunErrorCode.MODEL_INTERRUPTED


async def test_page_in_place_of_a_stream_is_an_interruption() -> None:
    assert (await failure(b"<html>Sign in</html>")).code is RunErrorCode.MODEL_INTERRUPTED


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_address_may_have_the_path_of_the_version(path: str) -> None:
    async with ScriptedChat() as service:
        model = ChatCompletionsModel(LlmSettings(url=service.url + path, model=MODEL))
        assert (await model.info()).available
        await model.aclose()


@pytest.mark.parametrize(
    ("dialect", "fields", "is_asked"),
    [
        ("vllm", {"continue_final_message": True, "add_generation_prompt": False}, False),
        ("llamacpp", {}, False),
        ("ollama", {}, True),
        ("tgi", {}, True),
    ],
)
async def test_service_is_asked_to_continue_in_its_own_way(
    dialect: Dialect, fields: dict[str, bool], *, is_asked: bool
) -> None:
    async with ScriptedChat(dialect=dialect) as service:
        model = ChatCompletionsModel(LlmSettings(url=service.url))
        turns = [Turn("user", "[[answer: of it]]"), Turn("assistant", "The rest")]
        async for _ in model.generate(ModelRequest(turns=turns, max_tokens=9)):
            pass
        await model.aclose()
    known = {"model", "messages", "stream", "stream_options", "max_tokens"}
    body = service.requests[0].body
    assert {key: value for key, value in body.items() if key not in known} == fields
    assert (len(service.requests[0].turns) == 3) == is_asked


async def test_service_that_refuses_to_continue_is_asked_in_words() -> None:
    refusal = "Assistant response prefill is incompatible with enable_thinking."
    turns = [Turn("user", "[[answer: of it]]"), Turn("assistant", "The rest")]
    async with ScriptedChat(dialect="llamacpp", refuses_open=refusal) as service:
        model = ChatCompletionsModel(LlmSettings(url=service.url))
        for _ in range(2):
            items = [item async for item in model.generate(ModelRequest(turns=turns, max_tokens=9))]
            assert isinstance(items[-1], ResponseEnd)
        await model.aclose()
    assert [each.turns[-1][0] for each in service.requests] == ["assistant", "user", "user"]


async def test_known_count_makes_the_next_estimate_better() -> None:
    async with ScriptedChat() as service:
        model = ChatCompletionsModel(LlmSettings(url=service.url))
        question = "[[code: 1]]" + " " * 59
        for stop in ((), ("\n```\n",)):
            request = ModelRequest(turns=[Turn("user", question)], max_tokens=99, stop=stop)
            last = [item async for item in model.generate(request)][-1]
            assert isinstance(last, ResponseEnd)
            assert last.usage.prompt_tokens == 7
        await model.aclose()


async def test_setting_chooses_the_adapter() -> None:
    assert isinstance(model_of(LlmSettings()), TgiModel)
    assert isinstance(model_of(LlmSettings(api="openai")), ChatCompletionsModel)
