"""A clear, typed end for every failure of the model, and limits that hold."""

import resource
import sys

import pytest

from tests.client import Api, run_of, text_of
from tests.fixtures.server import Server, Start


@pytest.mark.parametrize(
    ("script", "code", "kept"),
    [
        ("[[error: 3]]", "MODEL_INTERRUPTED", "w0 w1 w2"),
        # Slowly, as a reset connection loses what was not read yet.
        ("[[slow: 20]] [[cut: 3]]", "MODEL_INTERRUPTED", "w0 w1 w2"),
        ("[[end: 3]]", "MODEL_INTERRUPTED", "w0 w1 w2"),
        ("[[stall: 3]]", "MODEL_INTERRUPTED", "w0 w1 w2"),
        ("[[failed]]", "MODEL_INTERRUPTED", ""),
        ("[[too_long]]", "CONTEXT_TOO_LONG", ""),
    ],
)
async def test_failure_of_the_model_is_typed(
    server: Server, script: str, code: str, kept: str
) -> None:
    """The run is FAILED with its reason, what was written stays, and Retry has its chance."""
    ann = server.user()
    sent = await ann.send(script)
    events = await ann.until_ended(sent)
    run = run_of(events)
    assert (run["status"], run["error"]["code"]) == ("FAILED", code)
    assert run["error"]["message"]
    assert text_of(events).strip() == kept
    message = (await ann.snapshot(sent["conversation"]["id"]))["messages"]["nodes"][-1]
    assert message["status"] == "FAILED"
    assert message["parts"][-1]["error"]["code"] == code
    again = await ann.send("hello", sent["conversation"]["id"])
    assert run_of(await ann.until_ended(again))["status"] == "COMPLETED"


async def test_busy_model_is_asked_again(server: Server) -> None:
    """429 twice, then an answer: the run waits and completes."""
    ann = server.user()
    sent = await ann.send("[[busy: 2]] [[answer: at last]]")
    events = await ann.until_ended(sent)
    assert run_of(events)["status"] == "COMPLETED"
    assert text_of(events) == "at last"
    assert "WAITING_FOR_MODEL" in [
        event["run"]["phase"] for event in events if event["__typename"] == "RunChangedEvent"
    ]


async def test_model_that_stays_busy_is_given_up(start: Start) -> None:
    """After the last try the run fails as MODEL_BUSY."""
    async with start(llm={"max_attempts": 2}) as server:
        ann = server.user()
        run = run_of(await ann.until_ended(await ann.send("[[busy]]")))
        assert (run["status"], run["error"]["code"]) == ("FAILED", "MODEL_BUSY")
        assert run["error"]["retryable"]


async def test_model_out_of_reach_is_an_error_with_the_next_step(start: Start) -> None:
    """A refused connection names what to do."""
    async with start(llm={"url": "http://127.0.0.1:9"}) as server:
        ann = server.user()
        run = run_of(await ann.until_ended(await ann.send("hello")))
        assert (run["status"], run["error"]["code"]) == ("FAILED", "MODEL_UNAVAILABLE")
        async with ann.http.get(f"{server.url}/readyz") as response:
            assert response.status == 200
            assert "LLM__URL" in (await response.json())["backends"]["model"]


async def test_too_many_steps_end_incomplete(start: Start) -> None:
    """The limit on cells ends the run, with what was written."""
    async with start(run={"max_steps": 2}) as server:
        ann = server.user()
        sent = await ann.send("[[code: print(1)]] [[code: print(2)]] [[code: print(3)]]")
        run = run_of(await ann.until_ended(sent))
        assert (run["status"], run["error"]["code"]) == ("INCOMPLETE", "TOO_MANY_STEPS")


async def test_too_many_tokens_end_incomplete(start: Start) -> None:
    """The limit on tokens ends the run, with what was written."""
    async with start(run={"max_tokens": 16}) as server:
        ann = server.user()
        events = await ann.until_ended(await ann.send("[[length: 16]]"))
        run = run_of(events)
        assert (run["status"], run["error"]["code"]) == ("INCOMPLETE", "TOO_MANY_TOKENS")
        assert text_of(events).startswith("w0 w1")


async def test_run_over_its_time_ends_incomplete(start: Start) -> None:
    """The limit on time ends the run."""
    async with start(run={"timeout": 1}) as server:
        ann = server.user()
        run = run_of(await ann.until_ended(await ann.send("[[slow: 10]] [[long: 500]]")))
        assert (run["status"], run["error"]["code"]) == ("INCOMPLETE", "RUN_TIMEOUT")


async def test_200_mb_of_output_are_bounded(server: Server) -> None:
    """A cell that prints 200 MB ends properly, cut, in flat memory; what fits can be fetched."""
    ann = server.user()
    before = peak_memory()
    line = "x" * 99
    code = f"for i in range(2000000): print('{line}')"
    sent = await ann.send(f"[[code: {code}]] [[answer: done]]")
    events = await ann.until_ended(sent, timeout=110)
    assert run_of(events)["status"] == "COMPLETED"
    snapshot = await ann.snapshot(sent["conversation"]["id"])
    (output,) = snapshot["messages"]["nodes"][-1]["parts"][1]["cell"]["outputs"]
    assert output["truncated"]
    assert len(output["text"]) == server.settings.limits.max_output_length
    status, kept, _ = await ann.get(f"/outputs/{await download_of(ann, output['id'])}")
    assert status == 200
    assert len(kept) <= server.settings.limits.max_kept_output
    assert len(kept) > len(output["text"])
    assert peak_memory() - before < 100


async def download_of(ann: Api, output_id: str) -> str:
    """The path behind /outputs of an output's download."""
    query = (
        "query($id: ID!) { node(id: $id) { ... on StreamOutput { download { url filename } } } }"
    )
    data = await ann.ask(query, id=output_id)
    url: str = data["node"]["download"]["url"]
    return url.removeprefix("/outputs/")


def peak_memory() -> float:
    """The most memory that this process has had, in MiB."""
    unit = 1024 if sys.platform == "linux" else 1024 * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


async def test_too_many_runs_of_one_user_are_refused(start: Start) -> None:
    """The limit names itself and when to try again; another user is not concerned."""
    async with start(limits={"max_concurrent_runs": 2}) as server:
        ann = server.user()
        sent = [await ann.send("[[hold: 1]] [[answer: one two]]") for _ in range(2)]
        refused = await ann.send("hello")
        assert refused["errors"][0]["__typename"] == "LimitExceededError"
        other = await server.user("bob").send("hello")
        assert other["errors"] == []
        for _ in sent:
            await server.tgi.held()
            server.tgi.release()
        for one in sent:
            await ann.until_ended(one)
        assert (await ann.send("hello"))["errors"] == []


@pytest.mark.parametrize(
    ("text", "path"),
    [("", ["input", "text"]), (" \n", ["input", "text"]), ("x" * 32_001, ["input", "text"])],
)
async def test_message_out_of_bounds_names_the_field(
    server: Server, text: str, path: list[str]
) -> None:
    """Bad input is a typed error with the argument's path, and nothing is stored."""
    ann = server.user()
    refused = await ann.send(text)
    assert refused["errors"][0]["__typename"] == "InvalidInputError"
    assert refused["errors"][0]["path"] == path
    listed = await ann.ask("{ viewer { conversations { totalCount } } }")
    assert listed["viewer"]["conversations"]["totalCount"] == 0
