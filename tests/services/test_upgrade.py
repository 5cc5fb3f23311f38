"""Data folders of released versions, opened by this one; tests/data/README.md has their content."""

import asyncio
import contextlib
import hashlib
import json
import tarfile
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import aiohttp
import pytest
from pydantic import SecretStr

from pybot.config import JupyterSettings, LlmSettings, RunSettings, Settings
from pybot.errors import Unavailable
from pybot.services.background.supervisor import Supervisor
from pybot.services.local.owner_config import OwnerConfig
from pybot.services.local.redis_server import redis_server
from pybot.services.store import keys
from pybot.services.store.client import Client, connect
from pybot.services.upgrade import from_1
from pybot.services.upgrade.version import VERSION, upgrade_data
from tests.client import Api
from tests.fixtures.kernels import MakeOwner
from tests.fixtures.pybot_process import StartPybot
from tests.fixtures.server import serving
from tests.scripted_tgi import ScriptedTGI

DATA = Path(__file__).parents[1] / "data"
VERSIONS = sorted(each.name.removesuffix(".tar.gz") for each in DATA.glob("*.tar.gz"))

LIST = """query { viewer { conversations(first: 100) { totalCount nodes {
  id title pinned archived instructions createdAt updatedAt model { name }
  activeRun { id status message { id } } activeLeaf { id }
} } } }"""
ROW = """...MessageFields parent { id } run { id status error { code } }
  versionIndex versionCount versions { id }"""
MESSAGES = f"""query M($id: ID!) {{ conversation(id: $id) {{
  messages(last: 100) {{ totalCount nodes {{ {ROW} }} }} }} }}"""
NODE = f"query M($id: ID!) {{ node(id: $id) {{ ... on Message {{ {ROW} }} }} }}"
UNFINISHED = ("QUEUED", "IN_PROGRESS")
EXISTS = "query M($id: ID!) { conversation(id: $id) { id } }"


class Opened:
    """A copy of a released version's folder, with what that version read in it."""

    def __init__(self, version: str, folder: Path) -> None:
        with tarfile.open(DATA / f"{version}.tar.gz") as archive:
            archive.extractall(folder, filter="data")
        self.folder = folder / version
        self.users: dict[str, Any] = json.loads((DATA / f"{version}.json").read_text())

    @asynccontextmanager
    async def served(self, settings: Settings) -> AsyncGenerator[dict[str, Api]]:
        """Serve it; a client for each of its users."""
        async with aiohttp.ClientSession() as http, serving(settings) as url:
            yield {name: Api(url, name, http) for name in self.users}


@pytest.fixture(params=VERSIONS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """The folder of each released version in turn."""
    return Opened(request.param, tmp_path)


@pytest.fixture
def owner_of_files(opened: Opened, make_owner: MakeOwner) -> OwnerConfig:
    """An owner of kernels with its files."""
    return make_owner(files=str(opened.folder / "files"))


@pytest.fixture
async def settings(
    opened: Opened, owner_of_files: OwnerConfig, tgi: ScriptedTGI
) -> AsyncIterator[Settings]:
    """Settings for its Redis, its files and the model that it was made with; it takes no runs."""
    with tempfile.TemporaryDirectory(prefix="pybot-test-") as sockets:
        async with redis_server(opened.folder / "redis", Path(sockets)) as url:
            yield Settings(
                redis_om_url=SecretStr(url),
                llm=LlmSettings.model_validate({"url": tgi.url}),
                jupyter=JupyterSettings(
                    owner_socket=Path(owner_of_files.socket),
                    shared_volume_server_path=opened.folder / "files",
                ),
                run=RunSettings(concurrency=0),
            )


async def test_everything_reads_as_in_the_version_that_wrote_it(
    opened: Opened, settings: Settings
) -> None:
    """Lists, messages, outputs with their bytes, and versions in their order."""
    async with opened.served(settings) as people:
        for name, content in opened.users.items():
            await check_user(people[name], content)


async def test_it_reads_the_same_when_it_is_opened_again(
    opened: Opened, settings: Settings
) -> None:
    """Data is upgraded at the start, once."""
    for _ in range(3):
        async with opened.served(settings) as people:
            for name, content in opened.users.items():
                await check_user(people[name], content)


async def test_unfinished_runs_continue_after_the_upgrade(
    opened: Opened, settings: Settings
) -> None:
    """The cell of a killed worker's answer is not run again; a queued answer ends."""
    working = settings.model_copy(update={"run": RunSettings()})
    async with opened.served(working) as people:
        for name, content in opened.users.items():
            for conversation in content["conversations"]:
                if conversation["activeRun"]:
                    await check_goes_on(people[name], conversation)
    [ran] = opened.folder.glob("files/*/ran")
    assert ran.read_text() == "x"


async def test_upgrade_continues_where_it_broke_off(
    opened: Opened, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed behind the third conversation, and finished by the next two that start at once."""
    upgrade = from_1.upgrade

    async def broken_off(client: Client) -> AsyncGenerator[str]:
        for_three = 3
        async with contextlib.aclosing(upgrade(client)) as upgrading:
            async for conversation_id in upgrading:
                yield conversation_id
                for_three -= 1
                if not for_three:
                    raise KeyboardInterrupt

    url = settings.redis_om_url.get_secret_value()
    with monkeypatch.context() as broken:
        broken.setattr(from_1, "upgrade", broken_off)
        with pytest.raises(KeyboardInterrupt):
            await upgraded(url)
    async with connect(url) as client:
        await client.delete(keys.UPGRADING)  # its time passes
    await asyncio.gather(upgraded(url), upgraded(url))
    async with opened.served(settings) as people:
        for name, content in opened.users.items():
            await check_user(people[name], content)


async def upgraded(url: str) -> None:
    """Bring a Redis up to date, as a process does when it starts."""
    supervisor = Supervisor()
    async with connect(url) as client, supervisor.running():
        await upgrade_data(client, url, supervisor)
        assert client.refuse_because == ""


async def test_empty_redis_has_the_present_version(redis_url: str) -> None:
    await upgraded(redis_url)
    async with connect(redis_url) as client:
        assert await client.get(keys.DATA_VERSION) == str(VERSION).encode()


@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_newer_data_is_refused_in_one_line(
    redis_url: str, start_pybot: StartPybot, command: str
) -> None:
    async with connect(redis_url) as client:
        await client.set(keys.DATA_VERSION, VERSION + 1)
    arguments = [command, "--port", "0"] if command == "serve" else [command]
    pybot = start_pybot(*arguments, REDIS_OM_URL=redis_url)
    said, _ = await asyncio.to_thread(pybot.process.communicate, timeout=60)
    assert pybot.process.returncode == 1
    lines = [*said.splitlines(), *pybot.log.read_text().splitlines()]
    assert [line for line in lines if f"data of version {VERSION + 1}" in line] == lines


async def test_redis_that_is_away_at_the_start_is_brought_over_once_it_is_there(
    settings: Settings,
) -> None:
    """Until then nothing is read or written."""
    url = settings.redis_om_url.get_secret_value()
    there = unquote(url.partition("@")[2].partition("?")[0])
    with tempfile.TemporaryDirectory(prefix="pybot-test-") as folder:
        away = Path(folder, "redis.sock")
        url = url.replace(quote(there), quote(str(away)))
        supervisor = Supervisor()
        async with connect(url) as client, supervisor.running():
            await upgrade_data(client, url, supervisor)
            with pytest.raises(Unavailable, match="Redis does not do its part"):
                await client.get(keys.DATA_VERSION)
            away.symlink_to(there)
            async with asyncio.timeout(10):
                while client.refuse_because:  # noqa: ASYNC110 (what the client itself waits for)
                    await asyncio.sleep(0.05)
            assert await client.get(keys.DATA_VERSION) == str(VERSION).encode()


async def check_user(api: Api, content: dict[str, Any]) -> None:
    """Compare all that one user has."""
    listed = (await api.ask(LIST))["viewer"]["conversations"]
    # Pinned ones come first by now; before, they stood among the others.
    expected = sorted(content["conversations"], key=lambda each: not each["pinned"])
    assert expected != content["conversations"] or not any(each["pinned"] for each in expected)
    assert [each["id"] for each in listed["nodes"]] == [each["id"] for each in expected]
    assert listed["totalCount"] == len(expected)
    for node, conversation in zip(listed["nodes"], expected, strict=True):
        told = {key: value for key, value in conversation.items() if key in node}
        assert like(node, told) == told
        if conversation["activeRun"] is None:
            await check_conversation(api, conversation)
    for deleted in content["deleted"]:
        assert (await api.ask(EXISTS, id=deleted))["conversation"] is None


async def check_conversation(api: Api, expected: dict[str, Any]) -> None:
    """Compare the messages of the active path, and the versions beside them."""
    page = (await api.ask(MESSAGES, id=expected["id"]))["conversation"]["messages"]
    nodes = [await with_digests(api, each) for each in page["nodes"]]
    assert like(nodes, expected["messages"]) == expected["messages"]
    assert page["totalCount"] == len(expected["messages"])
    for node in nodes:
        question = node["parent"] and node["parent"]["id"]
        answers = expected["versions"].get(question, [node])
        ids = [answer["id"] for answer in answers]
        assert [each["id"] for each in node["versions"]] == ids
        assert (node["versionIndex"], node["versionCount"]) == (ids.index(node["id"]), len(ids))
    for answers in expected["versions"].values():
        found = [(await api.ask(NODE, id=answer["id"]))["node"] for answer in answers]
        read = [await with_digests(api, each) for each in found]
        assert like(read, answers) == answers


async def check_goes_on(api: Api, expected: dict[str, Any]) -> None:
    """Wait for the end of a run, and compare what was committed before."""

    async def page() -> Any:
        return (await api.ask(MESSAGES, id=expected["id"]))["conversation"]["messages"]

    async with asyncio.timeout(60):
        while (await page())["nodes"][-1]["run"]["status"] in UNFINISHED:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    question, answer = [await with_digests(api, each) for each in (await page())["nodes"]]
    asked, begun = expected["messages"]
    assert like(question, asked) == asked
    assert answer["status"] == "COMPLETED"
    committed = begun["parts"][:-1]  # the last one was being written
    assert like(answer["parts"][: len(committed)], committed) == committed
    assert answer["parts"][-1]["text"]


async def with_digests(api: Api, message: Any) -> Any:
    """A message with the digests of the bytes behind its URLs."""
    for part in message["parts"]:
        for output in part.get("cell", {}).get("outputs", ()):
            for representation in output.get("representations", ()):
                if representation["url"] is not None:
                    status, data, _ = await api.get(representation["url"])
                    assert status == 200
                    representation["sha256"] = hashlib.sha256(data).hexdigest()
    return message


def like(found: Any, expected: Any) -> Any:
    """What was found, without the fields that the older version did not have."""
    match expected:
        case {}:
            return {key: like(found.get(key), value) for key, value in expected.items()}
        case [*items] if len(found) == len(items):
            return [like(one, other) for one, other in zip(found, items, strict=True)]
        case _:
            return found
