"""The README's five examples of the API, run as they stand against the real server."""

import asyncio
import contextlib
import json
import re
import shlex
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from pybot.config import JupyterSettings, LlmSettings, Settings
from tests.client import PROTOCOL, Api
from tests.fixtures.server import serving
from tests.scripted_tgi import ScriptedTGI

README = Path(__file__).parent.parent / "README.md"
ADDRESS = "127.0.0.1:8000"


@dataclass
class Local:
    """What `make run` serves, with a scripted model: no header, one local user."""

    url: str
    api: Api
    tgi: ScriptedTGI
    # Those of the README, by their numbers.
    examples: dict[int, str] = field(default_factory=dict[int, str])

    async def post(self, body: dict[str, Any]) -> Any:
        """The data that answers a request."""
        async with self.api.http.post(f"{self.url}/graphql", json=body) as response:
            answer = await response.json(content_type=None)
        assert "errors" not in answer, answer
        return answer["data"]


def examples() -> dict[int, str]:
    """The fenced blocks of the section, by the number of the example that they belong to."""
    text = README.read_text()
    section = text.split("## The API in five examples", 1)[1].split("\n## ", 1)[0]
    numbered = re.split(r"^\*\*(\d)\. ", section, flags=re.MULTILINE)[1:]
    found: dict[int, str] = {}
    for number, body in zip(numbered[::2], numbered[1::2], strict=True):
        [block] = re.findall(r"^```\w+\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
        found[int(number)] = block
    return found


def test_there_are_five_examples() -> None:
    assert list(examples()) == [1, 2, 3, 4, 5]


@pytest.fixture
async def local(redis_url: str, owner_socket: Path, tgi: ScriptedTGI) -> AsyncIterator[Local]:
    settings = Settings(
        redis_om_url=SecretStr(redis_url),
        llm=LlmSettings(url=tgi.url),
        jupyter=JupyterSettings(owner_socket=owner_socket),
        local_user="local",
    )
    async with serving(settings) as url, aiohttp.ClientSession() as session:
        yield Local(url, Api(url, "local", session), tgi, examples())


async def ask(local: Local) -> Any:
    """Example 1: the command is taken apart, since a machine need not have curl."""
    program, *arguments = shlex.split(local.examples[1])
    assert program == "curl"
    assert f"http://{ADDRESS}/graphql" in arguments
    assert arguments[arguments.index("-H") + 1] == "Content-Type: application/json"
    data = await local.post(json.loads(arguments[arguments.index("-d") + 1]))
    assert data["sendMessage"]["errors"] == []
    return data["sendMessage"]


async def follow(local: Local, conversation: str, after: str, folder: Path) -> str:
    """Example 3: the program is run as a person would run it; what it printed."""
    program = folder / "follow.py"
    address = local.url.removeprefix("http://")
    assert ADDRESS in local.examples[3]
    program.write_text(local.examples[3].replace(ADDRESS, address))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(program),
        conversation,
        after,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    return said.decode()


async def test_question_is_answered_with_a_plot(local: Local, tmp_path: Path) -> None:
    """Examples 1 to 3: ask, follow to the end, read the snapshot."""
    sent = await ask(local)
    conversation = sent["conversation"]["id"]
    said = await follow(local, conversation, sent["eventCursor"], tmp_path)
    assert "plt.show()" in said
    assert said.endswith("Here is the plot.\nCOMPLETED\n")

    data = await local.post({"query": local.examples[2], "variables": {"id": conversation}})
    assert data["conversation"]["activeRun"] is None
    question, answer = data["conversation"]["messages"]["nodes"]
    assert question["parts"][0]["text"] == "Plot a sine wave"
    [cell] = [part["cell"] for part in answer["parts"] if "cell" in part]
    [shown] = [output["representations"] for output in cell["outputs"]]
    url = next(found["url"] for found in shown if found["mediaType"] == "image/png")
    status, data_of_png, _ = await local.api.get(url)
    assert (status, data_of_png[:4]) == (200, b"\x89PNG")


async def test_same_request_again_gives_the_first_result(local: Local) -> None:
    """Example 1 has an idempotency key."""
    assert (await ask(local))["run"] == (await ask(local))["run"]


async def test_program_resumes_behind_its_cursor(local: Local, tmp_path: Path) -> None:
    """Example 3, started at an event in the middle, has exactly what comes after it."""
    sent = await local.api.send("one two three [[code: print(6 * 7)]] [[answer: four five six]]")
    events = await local.api.until_ended(sent)
    cut = next(i for i, event in enumerate(events) if event["__typename"] == "CodeDeltaEvent")
    said = await follow(local, sent["conversation"]["id"], events[cut]["cursor"], tmp_path)
    assert said.endswith("42\nfour five six\nCOMPLETED\n")
    assert "Running it" not in said


async def test_program_survives_a_lost_connection(local: Local, tmp_path: Path) -> None:
    """Example 3 connects again behind the last event: no gap and no double."""
    sent = await local.api.send("[[hold: 2]] [[answer: all of it]]")
    await local.tgi.held()
    async with cutting(local.url) as (url, is_back):
        through = Local(url, local.api, local.tgi, local.examples)
        following = asyncio.create_task(
            follow(through, sent["conversation"]["id"], sent["eventCursor"], tmp_path)
        )
        returned = asyncio.create_task(is_back.wait())
        await asyncio.wait({returned, following}, return_when=asyncio.FIRST_COMPLETED)
        returned.cancel()
        local.tgi.release()
        said = await following
        assert is_back.is_set()
    assert said == "all of it\nCOMPLETED\n"


@asynccontextmanager
async def cutting(url: str) -> AsyncGenerator[tuple[str, asyncio.Event]]:
    """A relay that cuts its first connection after an event, and notes a second one."""
    is_cut, is_back = asyncio.Event(), asyncio.Event()

    async def relay(below: ServerConnection) -> None:
        is_first = not is_cut.is_set()
        (is_cut if is_first else is_back).set()
        address = f"ws{url.removeprefix('http')}/graphql"
        async with connect(address, subprotocols=[PROTOCOL]) as above:
            upward = asyncio.create_task(pass_on(below, above))
            downward = asyncio.create_task(pass_on(above, below, cut_at_event=is_first))
            await asyncio.wait({upward, downward}, return_when=asyncio.FIRST_COMPLETED)
            for task in (upward, downward):
                task.cancel()
            await asyncio.wait({upward, downward})

    async with serve(relay, "127.0.0.1", 0, subprotocols=[PROTOCOL]) as server:
        [socket] = server.sockets
        yield f"http://127.0.0.1:{socket.getsockname()[1]}", is_back


async def pass_on(source: Connection, target: Connection, *, cut_at_event: bool = False) -> None:
    """Pass messages on until one of the connections ends."""
    with contextlib.suppress(ConnectionClosed):
        async for message in source:
            await target.send(message)
            if cut_at_event and "conversationEvents" in str(message):
                target.transport.abort()  # as a network does it: no close frame
                return


async def test_run_is_cancelled(local: Local) -> None:
    """Example 4, while the model writes."""
    sent = await local.api.send("[[hold: 3]] [[long: 50]]")
    await local.tgi.held()
    variables = {"runId": sent["run"]["id"]}
    data = await local.post({"query": local.examples[4], "variables": variables})
    assert data["cancelRun"]["errors"] == []
    events = await local.api.until_ended(sent)
    assert events[-1]["run"]["status"] == "CANCELLED"


async def test_conversations_are_paged(local: Local) -> None:
    """Example 5 gives all of them, each once."""
    create = (
        "mutation($title: String) "
        "{ createConversation(input: {title: $title}) { errors { message } } }"
    )
    titles = [f"Number {number}" for number in range(23)]
    for title in titles:
        await local.post({"query": create, "variables": {"title": title}})
    found: list[str] = []
    after: str | None = None
    while True:
        data = await local.post({"query": local.examples[5], "variables": {"after": after}})
        page = data["viewer"]["conversations"]
        assert page["totalCount"] == len(titles)
        found += [node["title"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert sorted(found) == sorted(titles)
