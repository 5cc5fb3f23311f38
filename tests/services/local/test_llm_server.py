"""The local model's server, with the real model, as clients of TGI see it."""

import json
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
from huggingface_hub import AsyncInferenceClient
from text_generation import (  # type: ignore[import-untyped]  # it ships no py.typed
    AsyncClient,
)

from pybot.config import LlmSettings
from pybot.services.llm.base import Delta, ModelRequest, ResponseEnd, Turn
from pybot.services.llm.tgi import TgiModel
from tests.services.local.llm_server_process import WAIT, end, start

PROMPT = "<|im_start|>user\nCount from 1 to 9.<|im_end|>\n<|im_start|>assistant\n"
# The client of TGI calls pydantic's old names.
pytestmark = pytest.mark.filterwarnings("ignore:The `dict` method is deprecated")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    process, where = start()
    yield where
    assert end(process) == 0


def tgi_client(url: str) -> Any:
    """TGI's own client; what it says of its types is too little to be checked against."""
    return AsyncClient(url, timeout=WAIT)


def hub_client(url: str) -> Any:
    """Hugging Face's client; its types do not distinguish a stream from an answer."""
    return AsyncInferenceClient(url, timeout=WAIT)


async def post(url: str, body: Any) -> tuple[int, str]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=data, headers={"content-type": "application/json"}) as response,
    ):
        return response.status, await response.text()


async def test_client_of_tgi_generates(url: str) -> None:
    client = tgi_client(url)
    response = await client.generate(PROMPT, max_new_tokens=8, decoder_input_details=True)
    details = response.details
    assert details.generated_tokens == 8
    assert details.finish_reason.value == "length"
    assert "".join(token.text for token in details.tokens) == response.generated_text
    assert all(token.logprob <= 0 for token in details.tokens)
    assert details.prefill[0].text == "<|im_start|>"


async def test_client_of_tgi_streams_the_same(url: str) -> None:
    client = tgi_client(url)
    whole = await client.generate(PROMPT, max_new_tokens=12)
    events = [event async for event in client.generate_stream(PROMPT, max_new_tokens=12)]
    assert "".join(event.token.text for event in events) == whole.generated_text
    assert [event.generated_text for event in events[:-1]] == [None] * (len(events) - 1)
    assert events[-1].generated_text == whole.generated_text


async def test_answer_ends_with_the_end_token(url: str) -> None:
    client = tgi_client(url)
    prompt = "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
    events = [event async for event in client.generate_stream(prompt, max_new_tokens=400)]
    assert events[-1].token.special
    assert events[-1].token.text == "<|im_end|>"
    assert events[-1].details.finish_reason.value == "eos_token"
    assert events[-1].details.generated_tokens == len(events)
    assert "<|im_end|>" not in events[-1].generated_text


async def test_stop_sequence_ends_it_and_is_part_of_the_text(url: str) -> None:
    client = tgi_client(url)
    response = await client.generate(f"{PROMPT}1, 2, ", max_new_tokens=60, stop_sequences=["5,"])
    assert response.generated_text == "3, 4, 5,"
    assert response.details.finish_reason.value == "stop_sequence"


async def test_seed_makes_samples_repeatable(url: str) -> None:
    client = tgi_client(url)
    sampled = {"max_new_tokens": 12, "do_sample": True, "temperature": 1.5}
    texts = [
        (await client.generate(PROMPT, seed=seed, **sampled)).generated_text for seed in (5, 5, 6)
    ]
    assert texts[0] == texts[1] != texts[2]


async def test_full_text_and_truncated_prompt(url: str) -> None:
    client = tgi_client(url)
    response = await client.generate(
        PROMPT, max_new_tokens=2, return_full_text=True, truncate=3, decoder_input_details=True
    )
    assert response.generated_text.startswith(PROMPT)
    assert len(response.details.prefill) == 3


async def test_client_of_hugging_face_generates_and_chats(url: str) -> None:
    client = hub_client(url)
    text = await client.text_generation(PROMPT, max_new_tokens=6)
    stream = await client.text_generation(PROMPT, max_new_tokens=6, stream=True, details=True)
    events = [event async for event in stream]
    assert events[-1].generated_text == text
    messages: list[Any] = [{"role": "user", "content": "What is Python?"}]
    answer = await client.chat_completion(messages, max_tokens=6, temperature=0)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 6
    chunks = await client.chat_completion(
        messages,
        max_tokens=6,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    *parts, last = [chunk async for chunk in chunks]
    said = "".join(part.choices[0].delta.content or "" for part in parts)
    assert said == answer.choices[0].message.content
    assert parts[0].choices[0].delta.role == "assistant"
    assert last.usage is not None
    assert last.usage.total_tokens == answer.usage.total_tokens
    await client.close()


async def test_stream_has_the_exact_shape(url: str) -> None:
    body = {"inputs": PROMPT, "parameters": {"max_new_tokens": 2, "details": True}}
    status, text = await post(f"{url}/generate_stream", body)
    assert status == 200
    first, last, rest = text.split("\n\n")
    assert rest == ""
    assert first.startswith('data:{"index":1,"token":{"id":')
    event = json.loads(first.removeprefix("data:"))
    assert set(event) == {"index", "token", "generated_text", "details"}
    assert set(event["token"]) == {"id", "text", "logprob", "special"}
    assert (event["generated_text"], event["details"]) == (None, None)
    details = json.loads(last.removeprefix("data:"))["details"]
    assert details == {
        "finish_reason": "length",
        "generated_tokens": 2,
        "seed": None,
        "input_length": 17,
    }


async def test_chat_stream_ends_with_done(url: str) -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    body = {"messages": messages, "max_tokens": 1, "stream": True}
    status, text = await post(f"{url}/v1/chat/completions", body)
    assert status == 200
    assert text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"temperature": 0}, "`temperature` must be strictly positive"),
        ({"top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
        ({"max_new_tokens": 0}, "`max_new_tokens` must be strictly positive"),
        ({"max_new_tokens": 5000}, "`inputs` tokens + `max_new_tokens` must be <= 4096"),
        ({"stop": list("abcde")}, "`stop` supports up to 4 stop sequences. Given: 5"),
        ({"best_of": 2}, "`best_of` != 1 is not allowed for this endpoint"),
        ({"grammar": {"type": "regex", "value": "a"}}, "grammar is not supported"),
        ({"max_new_tokens": -1}, "Failed to deserialize the JSON body"),
        ({"max_new_tokens": "many"}, "Failed to deserialize the JSON body"),
    ],
)
async def test_what_tgi_does_not_allow_is_422(
    url: str, parameters: dict[str, Any], message: str
) -> None:
    for path in ("/", "/generate", "/generate_stream"):
        status, text = await post(url + path, {"inputs": PROMPT, "parameters": parameters})
        assert status == 422
        assert message in json.loads(text)["error"]
        assert json.loads(text)["error_type"] == "validation"


async def test_empty_and_broken_requests_are_refused(url: str) -> None:
    assert (await post(f"{url}/generate", {"inputs": ""}))[0] == 422
    assert (await post(f"{url}/generate", {}))[0] == 422
    assert (await post(f"{url}/generate", b"{"))[0] == 400
    assert (await post(f"{url}/v1/chat/completions", {"messages": []}))[0] == 422


async def test_too_long_prompt_is_422(url: str) -> None:
    status, text = await post(f"{url}/generate", {"inputs": "word " * 5000})
    assert status == 422
    assert "must be <= 4096. Given: 5001 `inputs` tokens" in text


async def test_info_and_health(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/info") as response:
            info = await response.json()
        async with session.get(f"{url}/health") as response:
            assert response.status == 200
    assert info["model_id"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert info["max_total_tokens"] == 4096


async def test_generation_ends_when_its_client_goes_away(url: str) -> None:
    """Both places are taken by requests of minutes; the third has its turn in seconds."""
    body = {"inputs": "word " * 100, "parameters": {"max_new_tokens": 3000}}
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            response = await session.post(f"{url}/generate_stream", json=body)
            assert (await response.content.readline()).startswith(b"data:")
            response.close()
    status, _ = await post(
        f"{url}/generate", {"inputs": PROMPT, "parameters": {"max_new_tokens": 1}}
    )
    assert status == 200


async def test_adapter_speaks_with_it(url: str) -> None:
    model = TgiModel(LlmSettings(url=url))
    assert (await model.info()).context_window == 4096
    request = ModelRequest(
        turns=[Turn("user", "Repeat: 😀 日本")], max_tokens=20, temperature=0, stop=["\n"]
    )
    items = [item async for item in model.generate(request)]
    await model.aclose()
    assert isinstance(items[-1], ResponseEnd)
    assert items[-1].usage.prompt_tokens > 10
    text = "".join(item.text for item in items if isinstance(item, Delta))
    assert text
    assert "\ufffd" not in text
