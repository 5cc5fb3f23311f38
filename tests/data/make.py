"""Make a data folder with a released version of Pybot, and say what it must read as afterwards.

Run in a checkout of that version: `PYTHONPATH=. .venv/bin/python make.py VERSION FOLDER`, which
writes FOLDER/VERSION.tar.gz and FOLDER/VERSION.json. README.md says what is in them.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
import tarfile
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import redis

from pybot.schema.ids import decode_as, encode
from pybot.services.local.redis_server import redis_server
from tests.client import Api
from tests.scripted_tgi import ScriptedTGI

PICTURE = """from IPython.display import Image, display
import struct, zlib
def chunk(kind, data):
    data = kind.encode() + data
    return struct.pack('>I', len(data) - 4) + data + struct.pack('>I', zlib.crc32(data))
size = 160
pixels = (bytes(1) + bytes([16, 128, 240]) * size) * size
png = bytes.fromhex('89504e470d0a1a0a')
png += chunk('IHDR', struct.pack('>IIBBBBB', size, size, 8, 2, 0, 0, 0))
png += chunk('IDAT', zlib.compress(pixels, 0)) + chunk('IEND', b'')
display(Image(png))"""
DISPLAYS = """from IPython.display import HTML, display
handle = display(HTML('<b>first</b>'), display_id=True)
handle.update(HTML('<b>second</b>'))
{'a': 1}"""
PRINTS = "print('one')\nprint('two')\nopen('notes.txt', 'w').write('A note.')"
RAISES = "print('before')\n1 / 0"

CREATE = """mutation M($input: CreateConversationInput!) {
  createConversation(input: $input) { conversation { id } errors { message } } }"""
UPDATE = """mutation M($input: UpdateConversationInput!) {
  updateConversation(input: $input) { conversation { id } errors { message } } }"""
DELETE = """mutation M($input: DeleteConversationsInput!) {
  deleteConversations(input: $input) { deletedConversationIds errors { message } } }"""
AGAIN = """mutation M($input: RegenerateMessageInput!) {
  regenerateMessage(input: $input) {
    run { id message { id } conversation { id } } eventCursor errors { message } } }"""
CANCEL = """mutation M($input: CancelRunInput!) {
  cancelRun(input: $input) { run { id status } errors { message } } }"""
LIST = """query { viewer { conversations(first: 100) { totalCount nodes {
  id title pinned archived instructions createdAt updatedAt model { name }
  activeRun { id status message { id } } kernel { status } activeLeaf { id }
} } } }"""
ROW = "parent { id } run { id status error { code } }"
MESSAGES = f"""query M($id: ID!) {{ conversation(id: $id) {{
  messages(last: 100) {{ totalCount nodes {{ ...MessageFields {ROW} }} }} }} }}"""
NODE = f"query M($id: ID!) {{ node(id: $id) {{ ... on Message {{ ...MessageFields {ROW} }} }} }}"


class Person:
    """A user who writes conversations."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def change(self, mutation: str, **given: Any) -> Any:
        """Carry out a mutation; its payload."""
        (payload,) = (await self.api.ask(mutation, input=given)).values()
        assert not payload["errors"], payload
        return payload

    async def answered(self, text: str, conversation: str | None = None) -> Any:
        """Send a message and wait for its answer."""
        sent = await self.api.send(text, conversation)
        assert not sent["errors"], sent
        await self.api.until_ended(sent)
        await asyncio.sleep(0.3)  # the title comes after the first answer
        return sent

    async def again(self, message_id: str) -> str:
        """Have an answer written once more; the new one's ID."""
        payload = await self.change(AGAIN, messageId=message_id)
        payload["conversation"] = payload["run"]["conversation"]
        await self.api.until_ended(payload)
        return str(payload["run"]["message"]["id"])


async def write_conversations(local: Person, ann: Person) -> dict[str, list[str]]:
    """Everything but what is unfinished; the IDs of those that were deleted, by user."""
    await local.change(CREATE, title="Empty", instructions="Answer in rhymes.\nAlways.")
    await local.answered("[[answer: A single answer.]] [[title: A single question]]")
    cells = await local.answered(f"[[code: {PRINTS}]] [[answer: Printed.]] [[title: Cells]]")
    for code in (RAISES, PICTURE, DISPLAYS):
        await local.answered(f"[[code: {code}]] [[answer: Done.]]", cells["conversation"]["id"])
    long = await local.answered("[[answer: Answer 0.]] [[title: Thirty messages]]")
    for number in range(1, 15):
        await local.answered(f"[[answer: Answer {number}.]]", long["conversation"]["id"])
    await write_versions(local)
    await write_ends(local)
    changes = {"pinned": True, "archived": True, "title": "Renamed by its owner"}
    for name, value in changes.items():
        sent = await local.answered(f"[[answer: Soon changed.]] [[title: Changed in {name}]]")
        await local.change(UPDATE, conversationId=sent["conversation"]["id"], **{name: value})
    deleted = await local.answered("[[answer: Soon gone.]] [[title: Deleted]]")
    deleted_id = deleted["conversation"]["id"]
    await local.change(DELETE, conversationIds=[deleted_id])
    await ann.change(CREATE, title="Empty too")
    await ann.answered("[[answer: Grüße, 世界 🎈.]] [[title: Of another user]]")
    return {"local": [deleted_id], "ann": []}


async def write_versions(local: Person) -> None:
    """The first answer regenerated twice, the second one once, then a further question."""
    question = "[[code: import time; print(time.time_ns() % 1000)]] [[answer: It was {output}.]]"
    first = await local.answered(f"{question} [[title: Versions]]")
    conversation, answer = first["conversation"]["id"], first["run"]["message"]["id"]
    for _ in range(2):
        answer = await local.again(answer)
    second = await local.answered(f"Second: {question}", conversation)
    await local.again(second["run"]["message"]["id"])
    await local.answered("[[answer: The third answer.]]", conversation)
    one = await local.answered("[[answer: The only one.]] [[title: One regenerated at its end]]")
    await local.again(one["run"]["message"]["id"])


async def write_ends(local: Person) -> None:
    """An answer that is cancelled, and ones that fail."""
    sent = await local.api.send("[[text: Begun, ]] [[stall: 5]]")
    await asyncio.sleep(1)
    await local.change(CANCEL, runId=sent["run"]["id"])
    await local.api.until_ended(sent)
    await local.answered("[[text: Broken ]] [[error: 3]]")
    failed = await local.answered("[[failed]]")
    await local.answered("[[answer: But now.]]", failed["conversation"]["id"])


async def leave_unfinished(local: Person, ann: Person, tgi: ScriptedTGI) -> None:
    """A run in the middle of its second step, and one that waits behind it."""
    before = len(tgi.requests)
    await local.api.send(
        "[[slow: 5]] [[code: open('ran', 'a').write('x')]]"
        " [[answer: one two three four five six seven eight nine ten]] [[title: Unfinished]]"
    )
    await asyncio.sleep(1)
    await ann.api.send("[[answer: At last.]] [[title: Queued]]")
    await tgi.until(lambda: len(tgi.requests) == before + 2, 30)
    await tgi.until(lambda: tgi.requests[-1].tokens_sent >= 4)


async def expected(people: dict[str, Person], client: redis.Redis) -> dict[str, Any]:
    """What every user sees."""
    seen: dict[str, Any] = {}
    for name, person in people.items():
        listed = (await person.api.ask(LIST))["viewer"]["conversations"]
        for conversation in listed["nodes"]:
            found = await person.api.ask(MESSAGES, id=conversation["id"])
            nodes = {each["id"]: each for each in found["conversation"]["messages"]["nodes"]}
            path = path_to(conversation["activeLeaf"], nodes)
            conversation["messages"] = [await told(person, each) for each in path]
            conversation["versions"] = await versions(person, client, conversation["id"])
        seen[name] = listed["nodes"]
    return seen


def path_to(leaf: dict[str, str] | None, nodes: dict[str, Any]) -> list[Any]:
    """The messages to a leaf. 0.1.0 lists an empty answer in any order with what follows it."""
    path: list[Any] = []
    while leaf is not None:
        path.insert(0, nodes.pop(leaf["id"]))
        leaf = path[0]["parent"]
    assert not nodes, "the path has other messages"
    return path


async def versions(person: Person, client: redis.Redis, conversation: str) -> dict[str, list[Any]]:
    """By question, its answers in the order in which they were begun, where there are several."""
    key = f"pybot:messages:{{{decode_as('Conversation', conversation)}}}"
    records: list[Any] = [json.loads(each) for each in client.hvals(key)]
    records.sort(key=lambda record: record["created_at"])
    found: dict[str, list[Any]] = {}
    for record in records:
        if record["role"] == "ASSISTANT":
            node = await person.api.ask(NODE, id=encode("Message", record["id"]))
            question = encode("Message", record["parent_id"])
            found.setdefault(question, []).append(await told(person, node["node"]))
    return {question: answers for question, answers in found.items() if len(answers) > 1}


async def told(person: Person, message: dict[str, Any]) -> dict[str, Any]:
    """A message, with the bytes behind its URLs as their digests."""
    for part in message["parts"]:
        for output in part.get("cell", {}).get("outputs", ()):
            for representation in output.get("representations", ()):
                url = representation.pop("url")
                if url is not None:
                    status, data, _ = await person.api.get(url)
                    assert status == 200
                    representation["sha256"] = hashlib.sha256(data).hexdigest()
    return message


@contextlib.asynccontextmanager
async def pybot(*arguments: str, **settings: str) -> AsyncGenerator[tuple[str, int]]:
    """Run a command that serves; its URL and process ID. It is killed at the end."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pybot", *arguments, "--port", "0"),
        env={**kept, **settings},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async for line in process.stdout:
            if line.startswith(b"Pybot is ready at "):
                yield line.decode().split()[-1], process.pid
                break
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()


def redis_url(data: Path) -> str:
    """Where the Redis of a data folder listens."""
    words = dict(
        line.split(maxsplit=1) for line in (data / "redis" / "redis.conf").read_text().splitlines()
    )
    socket = words["unixsocket"].strip('"')
    return f"unix://:{words['requirepass']}@{socket}?db=0"


async def make(data: Path) -> dict[str, list[str]]:
    """Fill a data folder; the process is killed in the middle of an answer."""
    deleted: dict[str, list[str]] = {}
    async with ScriptedTGI() as tgi, aiohttp.ClientSession() as http:
        for concurrency in ("4", "1"):
            settings = {"LLM__URL": tgi.url, "RUN__CONCURRENCY": concurrency}
            async with pybot("up", "--data-dir", str(data), **settings) as (url, process):
                web = {"REDIS_OM_URL": redis_url(data), "RUN__CONCURRENCY": "0"}
                async with pybot("serve", **settings | web) as (second_url, _):
                    local = Person(Api(url, "local", http))
                    ann = Person(Api(second_url, "ann", http))
                    if concurrency == "1":
                        await leave_unfinished(local, ann, tgi)
                        os.kill(process, signal.SIGKILL)
                    else:
                        deleted = await write_conversations(local, ann)
            await asyncio.sleep(2)  # what it started ends with it
    return deleted


async def look(data: Path, sockets: Path) -> dict[str, Any]:
    """What the released version reads in a copy of the folder, without working on it."""
    async with (
        redis_server(data / "redis", sockets) as url,
        aiohttp.ClientSession() as http,
        pybot("serve", REDIS_OM_URL=url, RUN__CONCURRENCY="0") as (address, _),
    ):
        people = {name: Person(Api(address, name, http)) for name in ("local", "ann")}
        with redis.Redis.from_url(url) as client:
            return await expected(people, client)


def without_this_machine(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """What goes into the archive: no log, no password, no socket's path, no owner."""
    if Path(info.name).name in ("redis.conf", "redis.log", "lock", "logs"):
        return None
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


async def main(version: str, folder: Path) -> None:
    """Write the archive and what it must read as."""
    with tempfile.TemporaryDirectory() as name:
        data = Path(name, "data")
        deleted = await make(data)
        with tarfile.open(folder / f"{version}.tar.gz", "w:gz") as archive:
            archive.add(data, version, filter=without_this_machine)
        shutil.copytree(data, Path(name, "copy"))
        users = await look(Path(name, "copy"), Path(name))
    content = {
        user: {"conversations": conversations, "deleted": deleted[user]}
        for user, conversations in users.items()
    }
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (folder / f"{version}.json").write_text(text + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
