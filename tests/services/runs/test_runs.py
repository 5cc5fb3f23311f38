"""Runs over real services: fences, repair, and histories that say what the log said."""

import asyncio
import time
from contextlib import aclosing

import pytest
from redis.asyncio import Redis

from pybot.errors import Conflict, Superseded
from pybot.services.agent.ports import Outcome
from pybot.services.container import Services, open_services
from pybot.services.conversations.eventlog import EventLog
from pybot.services.conversations.gate import Gate
from pybot.services.conversations.snapshots import MessageView
from pybot.services.records import Conversation, MessageStatus, RunStatus, Viewer, conversation_of
from pybot.services.records.events import Entry, RunChanged, TextDelta
from pybot.services.records.fold import Fold
from pybot.services.runs.starter import StartedRun
from pybot.services.store import keys
from pybot.services.store.appender import Appender
from pybot.services.values.pages import PageRequest
from tests.fixtures.server import SettingsWith

ANN = Viewer(username="ann")
TITLE = "A scripted title"


async def followed(services: Services, sent: StartedRun) -> list[Entry]:
    """The log from a sent message to the end of its run."""
    entries: list[Entry] = []
    stream = services.eventlog.follow(ANN, sent.snapshot.conversation.id, sent.cursor)
    async with asyncio.timeout(60), aclosing(stream) as following:
        async for entry in following:
            entries.append(entry)
            event = entry.event
            if isinstance(event, RunChanged) and event.run.status.ended:
                break
    return entries


async def message(services: Services, message_id: str) -> MessageView:
    """A message as it is now."""
    snapshot = await services.snapshots.open(ANN, conversation_of(message_id))
    return await services.messages.get(snapshot, message_id)


async def facts(services: Services, sent: StartedRun) -> Conversation:
    """What the conversation is now."""
    return (await services.snapshots.open(ANN, sent.snapshot.conversation.id)).conversation


async def test_history_says_what_the_log_said(settings_with: SettingsWith) -> None:
    """The parts that a finished message has are those that its events fold to."""
    question = (
        "[[text: First, a plot.\\n\\n]] [[code: plt.plot([1, 2])\nprint('x' * 100)\n[1, 2]]] "
        "[[code: 1 / 0]] [[answer: Done.]]"
    )
    async with open_services(settings_with()) as services:
        sent = await services.runs.send(ANN, text=question)
        fold = Fold()
        for entry in await followed(services, sent):
            fold.apply(entry.event)
        view = await message(services, sent.run.message_id)
        assert view.message.status is MessageStatus.COMPLETED
        assert len(view.parts) == 5
        assert fold.parts(sent.run.message_id) == view.parts


async def test_snapshot_at_any_moment_is_the_fold_up_to_its_cursor(
    settings_with: SettingsWith,
) -> None:
    """Taken again and again while an answer is written, each is exactly as of its cursor."""
    async with open_services(settings_with()) as services:
        question = "[[slow: 200]] [[long: 60]] [[code: for i in range(5): print(i)]]"
        sent = await services.runs.send(ANN, text=question)
        following = asyncio.create_task(followed(services, sent))
        taken = [await services.snapshots.open(ANN, sent.snapshot.conversation.id)]
        while not following.done():
            taken.append(await services.snapshots.open(ANN, sent.snapshot.conversation.id))
            await asyncio.sleep(0.01)
        entries = await services.eventlog.between(sent.snapshot.conversation.id, sent.cursor, None)
        running = [snapshot for snapshot in taken if snapshot.run is not None]
        assert len(running) > 3
        for snapshot in running:
            answer = await snapshot.answer.get()
            assert answer is not None
            fold = Fold()
            for entry in await services.eventlog.between(
                sent.snapshot.conversation.id, sent.cursor, snapshot.cursor
            ):
                fold.apply(entry.event)
            assert fold.parts(sent.run.message_id) == answer.parts
        assert entries[-1].seq >= running[-1].cursor


async def test_worker_that_comes_back_writes_nothing(settings_with: SettingsWith) -> None:
    """After another attempt has begun, appends, phases, commits and the end are refused."""
    async with open_services(settings_with(run={"concurrency": 0})) as services:
        sent = await services.runs.send(ANN, text="hello")
        old = services.run_logs.of(ANN, sent.run)
        await old.take_up()
        new = services.run_logs.of(ANN, old.run)
        await new.take_up()
        before = await facts(services, sent)
        await old.emit(TextDelta(sent.run.message_id, 0, 0, 0, "late"))
        with pytest.raises(Superseded):
            await old.flush()
        with pytest.raises(Superseded):
            await old.end(Outcome(status=RunStatus.COMPLETED))
        for again in (services.run_logs.of(ANN, sent.run), old):
            with pytest.raises(Superseded):
                await again.take_up()
        assert await facts(services, sent) == before
        await new.end(Outcome(status=RunStatus.COMPLETED))
        snapshot = await services.snapshots.open(ANN, sent.snapshot.conversation.id)
        assert snapshot.run is None


async def test_run_is_left_to_a_worker_that_lives(settings_with: SettingsWith) -> None:
    """A task that is delivered twice takes nothing away; a lease that is over is nobody's."""
    async with open_services(settings_with(run={"concurrency": 0, "lease": 1})) as services:
        sent = await services.runs.send(ANN, text="hello")
        first = services.run_logs.of(ANN, sent.run, "first")
        await first.take_up()
        second = services.run_logs.of(ANN, first.run, "second")
        with pytest.raises(Superseded):
            await second.take_up()
        await first.lease.renew()
        async with asyncio.timeout(5):
            while await services.client.exists(keys.lease(sent.run.id)):  # noqa: ASYNC110 (a key expires in silence)
                await asyncio.sleep(0.02)
        second = services.run_logs.of(ANN, first.run, "second")
        await second.take_up()
        with pytest.raises(Superseded):
            await first.flush()


async def test_run_that_has_ended_is_not_taken_up_again(settings_with: SettingsWith) -> None:
    """A worker that waited for its lease finds it ended, and leaves the answer as it is."""
    async with open_services(settings_with(run={"concurrency": 0})) as services:
        sent = await services.runs.send(ANN, text="hello")
        first = services.run_logs.of(ANN, sent.run, "first")
        await first.take_up()
        waiting = services.run_logs.of(ANN, first.run, "second")
        await first.end(Outcome(status=RunStatus.COMPLETED))
        before = await facts(services, sent)
        with pytest.raises(Superseded):
            await waiting.take_up()
        assert await facts(services, sent) == before
        assert before.active_run_id is None


async def test_run_stored_but_never_enqueued_is_repaired(
    settings_with: SettingsWith, redis_url: str
) -> None:
    """A crash between the two: the next worker finds the run within seconds."""
    async with open_services(settings_with(run={"concurrency": 0})) as services:
        sent = await services.runs.send(ANN, text="hello")
    async with Redis.from_url(redis_url, decode_responses=True) as client:
        assert await client.delete(keys.QUEUE) == 1
    async with open_services(settings_with()) as services:
        begun = time.monotonic()
        await followed(services, sent)
        assert time.monotonic() - begun < 10
        view = await message(services, sent.run.message_id)
        assert view.message.status is MessageStatus.COMPLETED


async def test_two_messages_at_once_make_one_run(settings_with: SettingsWith) -> None:
    """The second one gets a conflict that names the run."""
    async with open_services(settings_with(run={"concurrency": 0})) as services:
        conversation = (await services.conversations.create(ANN)).conversation
        results = await asyncio.gather(
            *(
                services.runs.send(ANN, text=f"m{n}", conversation_id=conversation.id)
                for n in range(10)
            ),
            return_exceptions=True,
        )
        sent = [result for result in results if isinstance(result, StartedRun)]
        conflicts = [result for result in results if isinstance(result, Conflict)]
        assert (len(sent), len(conflicts)) == (1, 9)
        assert {conflict.run_id for conflict in conflicts} <= {sent[0].run.id, None}
        snapshot = await services.snapshots.open(ANN, conversation.id)
        assert snapshot.conversation.length == 2


async def test_messages_of_a_path_page_both_ways(settings_with: SettingsWith) -> None:
    """Forwards and backwards, oldest first, each message once."""
    async with open_services(settings_with()) as services:
        sent = await services.runs.send(ANN, text="m0")
        await followed(services, sent)
        for number in range(1, 5):
            text = f"m{number}"
            again = await services.runs.send(
                ANN, text=text, conversation_id=sent.snapshot.conversation.id
            )
            await followed(services, again)
        snapshot = await services.snapshots.open(ANN, sent.snapshot.conversation.id)
        whole = await services.messages.page(snapshot, PageRequest(first=100))
        ids = [edge.node.message.id for edge in whole.edges]
        assert len(ids) == whole.total == 10
        page = await services.messages.page(snapshot, PageRequest(last=3))
        assert [edge.node.message.id for edge in page.edges] == ids[-3:]
        assert (page.has_previous, page.has_next) == (True, False)
        before = PageRequest(last=3, before=page.edges[0].cursor)
        page = await services.messages.page(snapshot, before)
        assert [edge.node.message.id for edge in page.edges] == ids[-6:-3]
        after = PageRequest(first=2, after=page.edges[-1].cursor)
        page = await services.messages.page(snapshot, after)
        assert [edge.node.message.id for edge in page.edges] == ids[-3:-1]


async def test_old_entries_are_trimmed_never_those_of_a_run_in_progress(
    settings_with: SettingsWith,
) -> None:
    """The retention bounds the log; what a snapshot of a running answer needs stays."""
    async with open_services(settings_with()) as services:
        sent = await services.runs.send(ANN, text="hello")
        await followed(services, sent)
        stream = services.eventlog.follow(ANN, sent.snapshot.conversation.id, sent.cursor)
        async with asyncio.timeout(10), aclosing(stream) as following:
            async for entry in following:
                if getattr(entry.event, "conversation", sent.snapshot.conversation).title == TITLE:
                    break
        log = services.eventlog
        everything = await log.between(sent.snapshot.conversation.id, 0, None)
        await log.trim(sent.snapshot.conversation.id, keep_from=10**9)
        assert await log.between(sent.snapshot.conversation.id, 0, None) == everything
    async with open_services(settings_with()) as services:
        old = EventLog(
            services.client,
            Gate(services.client),
            services.hub,
            Appender(services.client, services.hub, retention=1),
            retention=0,
        )
        await old.trim(sent.snapshot.conversation.id, keep_from=4)
        assert (await old.between(sent.snapshot.conversation.id, 0, None))[0].seq == 4
        await old.trim(sent.snapshot.conversation.id, keep_from=10**9)
        assert await old.between(sent.snapshot.conversation.id, 0, None) == []
