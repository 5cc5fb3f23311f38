"""Every kind of refusal with all that it says, and the ends of runs that no other test brings."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from pybot.services.runs.answering import Answering
from tests.client import Api, GraphQLErrors, run_of
from tests.fixtures.server import Server, SettingsWith, Start, serving
from tests.proxy import redis_proxy
from tests.scripted_tgi import ScriptedTGI
from tests.selections import every_field
from tests.sentences import is_sentence

LIST = "{ viewer { username conversations { totalCount } } }"
REFUSED = every_field("UserError")
SEND = f"""mutation($input: SendMessageInput!) {{ sendMessage(input: $input) {{
  message {{ id }} run {{ id }} conversation {{ id }} eventCursor errors {REFUSED} }} }}"""


async def refusal(api: Api, text: str, **target: Any) -> Any:
    """The one reason for which a message is not taken; nothing else may be told."""
    answer = await api.ask(SEND, input={"target": target or {"newConversation": {}}, "text": text})
    payload = answer["sendMessage"]
    [error] = payload.pop("errors")
    assert set(payload.values()) == {None}
    assert is_sentence(error["message"])
    return error


async def test_refusals_say_all_that_a_client_acts_on(start: Start, redis_url: str) -> None:
    """What is wrong and where, what is in the way, when to try again."""
    async with start(limits={"max_concurrent_runs": 1}) as server:
        ann = server.user()
        invalid = await refusal(ann, " ")
        assert (invalid["__typename"], invalid["code"]) == ("InvalidInputError", "INVALID")
        assert invalid["path"] == ["input", "text"]

        sent = await ann.send("[[stall: 60]]")
        conversation = sent["conversation"]["id"]
        unknown = await refusal(server.user("bob"), "hello", conversationId=conversation)
        assert (unknown["__typename"], unknown["code"]) == ("NotFoundError", "NOT_FOUND")
        assert unknown["path"] == ["input", "target", "conversationId"]

        busy = await refusal(ann, "hello", conversationId=conversation)
        assert (busy["__typename"], busy["code"]) == ("ConflictError", "CONFLICT")
        assert busy["activeRun"]["id"] == sent["run"]["id"]

        late = await refusal(ann, "hello")
        assert (late["__typename"], late["code"]) == ("LimitExceededError", "LIMIT_EXCEEDED")
        assert late["retryAfterSeconds"] > 0

        async with Redis.from_url(redis_url) as client:
            await client.config_set("maxmemory", "1mb")
            try:
                full = await refusal(server.user("eve"), "hello")
            finally:
                await client.config_set("maxmemory", "0")
        assert (full["__typename"], full["code"]) == ("UnavailableError", "UNAVAILABLE")
        assert full["path"] == []


@pytest.fixture
async def without_kernels(
    settings_with: SettingsWith, tgi: ScriptedTGI, tmp_path: Path
) -> AsyncIterator[Api]:
    """Ann at a server whose kernels are out of reach."""
    settings = settings_with()
    nowhere = settings.jupyter.model_copy(update={"owner_socket": tmp_path / "none.sock"})
    settings = settings.model_copy(update={"jupyter": nowhere})
    async with serving(settings) as url:
        server = Server(url, tgi, settings)
        yield server.user()
        for session in server.sessions:
            await session.close()


async def test_run_without_kernels_fails_with_what_to_do(without_kernels: Api) -> None:
    ann = without_kernels
    sent = await ann.send("[[code: print(1)]] [[answer: never]]")
    run = run_of(await ann.until_ended(sent))
    assert (run["status"], run["error"]["code"]) == ("FAILED", "KERNEL_UNAVAILABLE")
    assert run["error"]["message"]
    again = await ann.send("hello", sent["conversation"]["id"])
    assert run_of(await ann.until_ended(again))["status"] == "COMPLETED"


async def test_query_without_redis_says_so_and_is_answered_later(
    settings_with: SettingsWith, tgi: ScriptedTGI
) -> None:
    """What needs no Redis is answered beside it."""
    is_cut = asyncio.Event()

    async def gate(_request: bytes) -> None:
        if is_cut.is_set():
            raise ConnectionAbortedError

    settings = settings_with()
    async with redis_proxy(settings.redis_om_url.get_secret_value(), gate) as url:
        settings = settings.model_copy(update={"redis_om_url": SecretStr(url)})
        async with serving(settings) as address:
            server = Server(address, tgi, settings)
            ann = server.user()
            is_cut.set()
            with pytest.raises(GraphQLErrors) as refused:
                await ann.ask(LIST)
            assert refused.value.code == "UNAVAILABLE"
            is_cut.clear()
            async with asyncio.timeout(30):
                while not await answers(ann):  # noqa: ASYNC110 (nothing else tells)
                    await asyncio.sleep(0.05)
            await ann.http.close()


async def answers(api: Api) -> bool:
    """Whether the list can be read again."""
    with suppress(GraphQLErrors):
        return bool(await api.ask(LIST))
    return False


async def test_bug_ends_the_run_and_tells_its_id_alone(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> Any:
        raise RuntimeError("a secret")

    ann = server.user()
    with monkeypatch.context() as patched:
        patched.setattr(Answering, "answer", broken)
        sent = await ann.send("hello")
        run = run_of(await ann.until_ended(sent))
    assert (run["status"], run["error"]["code"]) == ("FAILED", "INTERNAL")
    assert "report ID" in run["error"]["message"]
    assert "secret" not in run["error"]["message"]
    again = await ann.send("hello", sent["conversation"]["id"])
    assert run_of(await ann.until_ended(again))["status"] == "COMPLETED"
