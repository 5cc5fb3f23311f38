"""Being answered by a model behind an OpenAI-compatible server, over the wire."""

import pytest

from tests.chat_shapes import Dialect
from tests.client import run_of
from tests.fixtures.server import Start
from tests.scripted_chat import ScriptedChat

USAGE = """query($id: ID!) { node(id: $id) { __typename ... on Run {
  usage { cachedTokens reasoningTokens } } } }"""


@pytest.mark.parametrize("dialect", ["tgi", "vllm", "ollama", "llamacpp"])
async def test_code_is_run_and_its_output_read(start: Start, dialect: Dialect) -> None:
    """The block of code is closed, run once, and its output is in the next request."""
    async with (
        ScriptedChat(dialect=dialect) as service,
        start(llm={"api": "openai", "url": f"{service.url}/v1"}) as server,
    ):
        ann = server.user()
        sent = await ann.send("[[code: print(6 * 7)]] [[answer: It is {output}.]]")
        run = run_of(await ann.until_ended(sent))
        snapshot = await ann.snapshot(sent["conversation"]["id"])
        await service.until(lambda: all(each.end for each in service.requests))
    assert run["status"] == "COMPLETED"
    parts = snapshot["messages"]["nodes"][-1]["parts"]
    assert [part["__typename"] for part in parts] == ["TextPart", "CellPart", "TextPart"]
    assert parts[1]["cell"]["source"] == "print(6 * 7)"
    assert parts[2]["text"] == "It is 42."
    assert service.requests[1].turns[-1][1].startswith("Output:\n")


async def test_busy_server_is_tried_again(start: Start) -> None:
    """A refusal by 503 costs a pause, and no more."""
    async with (
        ScriptedChat(dialect="ollama") as service,
        start(llm={"api": "openai", "url": service.url}) as server,
    ):
        ann = server.user()
        sent = await ann.send("[[busy: 1]] [[answer: at last]]")
        run = run_of(await ann.until_ended(sent))
    assert run["status"] == "COMPLETED"
    assert [each.status for each in service.requests[:2]] == [503, 200]


async def test_what_the_model_thinks_is_a_part_of_its_own(start: Start) -> None:
    """Beside the answer, in events, message and tokens; it is not sent back to the model."""
    counts = {
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    async with (
        ScriptedChat(dialect="vllm", thinks="I should greet.", counts=counts) as service,
        start(llm={"api": "openai", "url": service.url}) as server,
    ):
        ann = server.user()
        sent = await ann.send("[[answer: Hello.]]")
        events = await ann.until_ended(sent)
        message = (await ann.snapshot(sent["conversation"]["id"]))["messages"]["nodes"][-1]
        used = (await ann.ask(USAGE, id=sent["run"]["id"]))["node"]["usage"]
        await ann.until_ended(await ann.send("[[answer: Bye.]]", sent["conversation"]["id"]))
        assert "greet" not in service.requests[-1].prompt
    assert used == {"cachedTokens": 2, "reasoningTokens": 4}
    thought = [event["text"] for event in events if event.get("reasoning")]
    assert "".join(thought) == "I should greet."
    assert message["parts"] == [
        {"__typename": "ReasoningPart", "index": 0, "text": "I should greet.", "revision": 0},
        {"__typename": "TextPart", "index": 1, "text": "Hello.", "revision": 0},
    ]
