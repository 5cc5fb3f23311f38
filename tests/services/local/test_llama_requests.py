"""The queue before the local model, and what becomes of llama.cpp's chunks, without llama.cpp."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from pybot.services.local import model_file
from pybot.services.local.llama import Chunk, Llama, Piece, Probability
from pybot.services.local.llama_requests import LlamaRequests, Overloaded
from pybot.services.local.tgi_types import GenerateRequest, Parameters, StreamEvent


class FakeLlama:
    """Writes given texts, once it is let."""

    def __init__(self, *texts: str, end: str = "eos") -> None:
        self.texts = texts
        self.end = end
        self.may_go = asyncio.Event()
        self.may_go.set()
        self.asked: list[tuple[Sequence[int], Mapping[str, Any]]] = []
        self.closed = 0

    @property
    def started(self) -> int:
        return len(self.asked)

    async def tokenize(self, text: str) -> list[Piece]:
        return [Piece(index, word) for index, word in enumerate(text.split())]

    async def complete(
        self, tokens: Sequence[int], settings: Mapping[str, Any]
    ) -> AsyncGenerator[Chunk]:
        self.asked.append((tokens, settings))
        try:
            await self.may_go.wait()
            for count, text in enumerate(self.texts, 1):
                likely = Probability(count, text, -1.0)
                yield Chunk(
                    text, stop=False, tokens_predicted=count, completion_probabilities=(likely,)
                )
            yield Chunk("", stop=True, tokens_predicted=len(self.texts), stop_type=self.end)
        finally:
            self.closed += 1


def requests(llama: FakeLlama, max_requests: int = 16) -> LlamaRequests:
    return LlamaRequests(cast("Llama", llama), max_requests)


def asked(**parameters: Any) -> GenerateRequest:
    return GenerateRequest("some words", Parameters(**parameters))


async def events(queue: LlamaRequests, request: GenerateRequest) -> list[StreamEvent]:
    async with queue.prepared(request) as prepared:
        return [event async for event in queue.stream(prepared)]


async def turns() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_end_token_is_an_event_of_its_own() -> None:
    first, second, last = await events(requests(FakeLlama("Hi", " there")), asked())
    assert (first.token.text, second.token.text) == ("Hi", " there")
    assert (last.token.text, last.token.special) == ("<|im_end|>", True)
    assert last.generated_text == "Hi there"
    assert last.details is not None
    assert (last.details.finish_reason, last.details.generated_tokens) == ("eos_token", 3)
    assert last.details.input_length == 2


async def test_stop_sequence_over_two_tokens_ends_with_the_second() -> None:
    llama = FakeLlama("x\n``", "`\n", "more")
    last = (await events(requests(llama), asked(stop=("\n```\n",))))[-1]
    assert last.generated_text == "x\n```\n"
    assert last.details is not None
    assert last.details.finish_reason == "stop_sequence"
    assert llama.closed == 1


async def test_last_token_within_the_limit_is_the_last_event() -> None:
    found = await events(requests(FakeLlama("a", "b", "c")), asked(max_new_tokens=2))
    assert [event.token.text for event in found] == ["a", "b"]
    assert found[-1].generated_text == "ab"
    assert found[-1].details is not None
    assert found[-1].details.finish_reason == "length"


async def test_limit_within_a_character_ends_it_all_the_same() -> None:
    found = await events(requests(FakeLlama("a", end="limit")), asked(max_new_tokens=2))
    assert found[-1].generated_text == "a"
    assert found[-1].details is not None
    assert found[-1].details.finish_reason == "length"


async def test_greedy_and_sampled_requests_in_the_words_of_llama() -> None:
    llama = FakeLlama("a")
    queue = requests(llama)
    await events(queue, asked(max_new_tokens=5))
    await events(queue, asked(temperature=0.5, top_p=0.9, seed=3, repetition_penalty=1.2))
    (tokens, greedy), (_, sampled) = llama.asked
    assert list(tokens) == [0, 1]
    assert (greedy["temperature"], greedy["n_predict"], greedy["repeat_penalty"]) == (0, 5, 1)
    assert (sampled["temperature"], sampled["top_p"], sampled["seed"]) == (0.5, 0.9, 3)
    assert (sampled["repeat_penalty"], sampled["top_k"], sampled["min_p"]) == (1.2, 0, 0)


async def test_two_go_at_a_time_and_the_third_follows() -> None:
    llama = FakeLlama("a")
    llama.may_go.clear()
    queue = requests(llama)
    tasks = [asyncio.create_task(events(queue, asked())) for _ in range(3)]
    await turns()
    assert llama.started == 2
    llama.may_go.set()
    await asyncio.gather(*tasks)
    assert llama.started == 3


async def test_full_queue_refuses_until_one_goes_away() -> None:
    llama = FakeLlama("a")
    llama.may_go.clear()
    queue = requests(llama, max_requests=3)
    tasks = [asyncio.create_task(events(queue, asked())) for _ in range(3)]
    await turns()
    with pytest.raises(Overloaded):
        await events(queue, asked())
    tasks[0].cancel()
    tasks[2].cancel()
    await asyncio.gather(tasks[0], tasks[2], return_exceptions=True)
    assert llama.closed == 1
    llama.may_go.set()
    assert (await events(queue, asked()))[-1].generated_text == "a"
    await tasks[1]


def test_model_file_is_found_without_importing_its_package() -> None:
    assert model_file.find().name == model_file.FILE


def test_damaged_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.write_bytes(b"x")
    with pytest.raises(model_file.ModelFileError, match="damaged"):
        model_file.check(file)
