"""What every provider of kernels must do, tried with real kernels."""

import asyncio
import time
from contextlib import aclosing
from uuid import uuid4

import pytest

from pybot.services.kernels.base import (
    Cleared,
    Displayed,
    DisplayUpdated,
    Done,
    KernelDied,
    KernelNotice,
    Kernels,
    Printed,
    Raised,
    Reaction,
    Returned,
    Started,
)
from pybot.services.kernels.messages import ReactionReader
from pybot.services.records import StreamName
from tests.executions import printed, run

PNG_START = "iVBORw0KGgo"  # base64 of the first bytes of every PNG


async def test_value_of_last_expression_is_returned(kernels: Kernels, kernel_id: str) -> None:
    """One execution is: taken, its value, done."""
    started, returned, done = await run(kernels, kernel_id, "6 * 7")
    assert isinstance(started, Started)
    count = started.execution_count
    assert returned == Returned(execution_count=count, bundle={"text/plain": "42"})
    assert done == Done(status="ok", execution_count=count)


async def test_variables_live_on(kernels: Kernels, kernel_id: str) -> None:
    """A kernel keeps its state between executions."""
    await run(kernels, kernel_id, "kept = 'still here'")
    assert printed(await run(kernels, kernel_id, "print(kept)")) == "still here\n"


async def test_streams_have_their_names(kernels: Kernels, kernel_id: str) -> None:
    """stdout and stderr are named in what is printed."""
    code = "import sys; print('out'); print('err', file=sys.stderr)"
    reactions = await run(kernels, kernel_id, code)
    assert printed(reactions) == "out\n"
    assert printed(reactions, StreamName.STDERR) == "err\n"


async def test_output_arrives_while_code_runs(kernels: Kernels, kernel_id: str) -> None:
    """Nothing waits for the end."""
    code = "import time; print('first', flush=True); time.sleep(60)"
    async with aclosing(kernels.execute(kernel_id, code, message_id=uuid4().hex)) as reactions:
        async for reaction in reactions:
            if isinstance(reaction, Printed):
                assert reaction.text == "first\n"
                break
        await kernels.interrupt(kernel_id)
    assert printed(await run(kernels, kernel_id, "print('next')")) == "next\n"


async def test_exception_ends_with_error(kernels: Kernels, kernel_id: str) -> None:
    """An exception comes with its traceback, and the execution ends as an error."""
    *_, raised, done = await run(kernels, kernel_id, "print('before')\n1 / 0")
    assert isinstance(raised, Raised)
    assert (raised.ename, raised.evalue) == ("ZeroDivisionError", "division by zero")
    assert "1" in "".join(raised.traceback)
    assert isinstance(done, Done)
    assert done.status == "error"


async def test_displays_are_updated_by_id(kernels: Kernels, kernel_id: str) -> None:
    """A display can be replaced, also from a later cell."""
    code = "handle = display('one', display_id='d1'); handle.update('two')"
    _, shown, updated, _ = await run(kernels, kernel_id, code)
    assert shown == Displayed(bundle={"text/plain": "'one'"}, display_id="d1")
    assert updated == DisplayUpdated(bundle={"text/plain": "'two'"}, display_id="d1")
    _, later, _ = await run(kernels, kernel_id, "handle.update('three')")
    assert later == DisplayUpdated(bundle={"text/plain": "'three'"}, display_id="d1")


async def test_clear_output_gives_cleared(kernels: Kernels, kernel_id: str) -> None:
    """Both kinds of clearing arrive, in order."""
    code = (
        "from IPython.display import clear_output\n"
        "clear_output(); print(1); clear_output(wait=True); print(2)"
    )
    reactions = await run(kernels, kernel_id, code)
    texts = [item for item in reactions if isinstance(item, Cleared | Printed)]
    assert texts == [
        Cleared(wait=False),
        Printed(name=StreamName.STDOUT, text="1\n"),
        Cleared(wait=True),
        Printed(name=StreamName.STDOUT, text="2\n"),
    ]


async def test_restart_loses_variables_and_not_the_id(kernels: Kernels, own_kernel_id: str) -> None:
    """After a restart the same ID names a fresh process."""
    await run(kernels, own_kernel_id, "forgotten = 1")
    await kernels.restart(own_kernel_id)
    *_, raised, _ = await run(kernels, own_kernel_id, "forgotten")
    assert isinstance(raised, Raised)
    assert raised.ename == "NameError"


async def test_restart_ends_what_runs(kernels: Kernels, own_kernel_id: str) -> None:
    """A reader of an execution gets KernelDied."""
    code = "print('on', flush=True); import time; time.sleep(60)"
    async with aclosing(kernels.execute(own_kernel_id, code, message_id=uuid4().hex)) as running:
        async for reaction in running:
            if isinstance(reaction, Printed):
                break
        await kernels.restart(own_kernel_id)
        with pytest.raises(KernelDied):
            await anext(running)
    assert await kernels.is_alive(own_kernel_id)


async def test_killed_kernel_raises_within_two_seconds(
    kernels: Kernels, own_kernel_id: str
) -> None:
    """A kernel that is killed in the middle of a cell, as by a lack of memory, falls silent."""
    began = time.monotonic()
    with pytest.raises(KernelDied):
        await run(kernels, own_kernel_id, "import os; os.kill(os.getpid(), 9)")
    assert time.monotonic() - began < 2
    assert not await kernels.is_alive(own_kernel_id)


async def test_death_is_published_as_a_notice(kernels: Kernels) -> None:
    """A kernel's death reaches those who follow the notices."""
    conversation_id = uuid4().hex
    notices = kernels.notices()
    notice = asyncio.ensure_future(anext(notices))
    kernel_id = await kernels.start(conversation_id, "tester")
    with pytest.raises(KernelDied):
        await run(kernels, kernel_id, "import os; os.kill(os.getpid(), 9)")
    async with asyncio.timeout(5):
        assert await notice == KernelNotice(
            conversation_id=conversation_id, kernel_id=kernel_id, status="died"
        )


async def test_shutdown_ends_kernel_and_may_be_repeated(
    kernels: Kernels, own_kernel_id: str
) -> None:
    """A kernel that is gone can be shut down again, and nothing else."""
    await kernels.shutdown(own_kernel_id)
    assert not await kernels.is_alive(own_kernel_id)
    await kernels.shutdown(own_kernel_id)
    with pytest.raises(KernelDied):
        await run(kernels, own_kernel_id, "1")
    with pytest.raises(KernelDied):
        await kernels.interrupt(own_kernel_id)
    with pytest.raises(KernelDied):
        await kernels.restart(own_kernel_id)


async def test_unknown_kernel_is_dead(kernels: Kernels) -> None:
    """An ID that names nothing names a kernel that is gone."""
    assert not await kernels.is_alive(uuid4().hex)
    with pytest.raises(KernelDied):
        await run(kernels, uuid4().hex, "1")


async def test_kernels_run_at_the_same_time(
    kernels: Kernels, kernel_id: str, own_kernel_id: str
) -> None:
    """One kernel's code does not wait for another's."""
    async with aclosing(
        kernels.execute(
            kernel_id, "print('busy', flush=True)\nwhile True: pass", message_id=uuid4().hex
        )
    ) as busy:
        async for reaction in busy:
            if isinstance(reaction, Printed):
                break
        assert printed(await run(kernels, own_kernel_id, "print('free')")) == "free\n"
        await kernels.interrupt(kernel_id)


async def test_executions_of_one_kernel_come_one_after_the_other(
    kernels: Kernels, kernel_id: str
) -> None:
    """Each reader gets what belongs to its own code alone."""
    first, second = await asyncio.gather(
        run(kernels, kernel_id, "import time; time.sleep(0.2); print('a')"),
        run(kernels, kernel_id, "print('b')"),
    )
    assert (printed(first), printed(second)) == ("a\n", "b\n")


async def test_running_code_is_followed_by_another_reader(kernels: Kernels, kernel_id: str) -> None:
    """Code runs on when its first reader is lost, and its end reaches a follower."""
    message_id = uuid4().hex
    code = "import time\nwhile True: print('tick', flush=True); time.sleep(0.05)"
    async with aclosing(kernels.execute(kernel_id, code, message_id=message_id)) as reactions:
        async for reaction in reactions:
            if isinstance(reaction, Printed):
                break
    rest: list[Reaction] = []
    async for reaction in kernels.follow(kernel_id, message_id=message_id):
        rest.append(reaction)
        if isinstance(reaction, Printed) and "tick" in reaction.text:
            await kernels.interrupt(kernel_id)
    assert any(isinstance(item, Raised) for item in rest)
    assert isinstance(rest[-1], Done)


async def test_following_what_has_ended_ends(kernels: Kernels, kernel_id: str) -> None:
    """A follower that comes too late gets nothing, and does not wait."""
    message_id = uuid4().hex
    async for _ in kernels.execute(kernel_id, "print('over')", message_id=message_id):
        pass
    assert printed(await run(kernels, kernel_id, "print('next')")) == "next\n"
    followed = [item async for item in kernels.follow(kernel_id, message_id=message_id)]
    assert not any(isinstance(item, Done) for item in followed)


async def test_input_is_refused(kernels: Kernels, kernel_id: str) -> None:
    """Nobody can answer `input()`: it fails at once instead of waiting for ever."""
    *_, raised, _ = await run(kernels, kernel_id, "input('name? ')")
    assert isinstance(raised, Raised)
    assert raised.ename == "StdinNotImplementedError"


async def test_figure_is_shown_without_being_asked(kernels: Kernels, kernel_id: str) -> None:
    """Code that forgets its import and `plt.show()` still shows its figure."""
    reactions = await run(kernels, kernel_id, "plt.plot(np.arange(3));")
    (figure,) = [item for item in reactions if isinstance(item, Displayed)]
    assert figure.bundle["image/png"].startswith(PNG_START)


async def test_table_is_html(kernels: Kernels, kernel_id: str) -> None:
    """A DataFrame comes as a table."""
    reactions = await run(kernels, kernel_id, "pd.DataFrame({'a': [1]})")
    (returned,) = [item for item in reactions if isinstance(item, Returned)]
    assert "<table" in returned.bundle["text/html"]


async def test_plotly_figure_is_json(kernels: Kernels, kernel_id: str) -> None:
    """A Plotly figure comes as data, not as a page of scripts."""
    code = "import plotly.graph_objects as go; go.Figure(go.Bar(y=[1, 2])).show()"
    reactions = await run(kernels, kernel_id, code)
    (figure,) = [item for item in reactions if isinstance(item, Displayed)]
    assert figure.bundle["application/vnd.plotly.v1+json"]["data"][0]["type"] == "bar"


async def test_flood_ends_properly(kernels: Kernels, kernel_id: str) -> None:
    """Far more output than anybody reads neither hangs nor hides the end of the cell."""
    code = "for _ in range(20_000): print('x' * 100, flush=True)"
    reactions = await run(kernels, kernel_id, code)
    assert isinstance(reactions[-1], Done)
    assert reactions[-1].status == "ok"
    assert len(printed(reactions)) == 20_000 * 101


async def test_provider_answers(kernels: Kernels) -> None:
    """A provider that works says so."""
    await kernels.check()


async def test_fault_while_messages_are_read_ends_the_execution(
    kernels: Kernels, kernel_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for an end that will not be read; what runs next is read again."""

    def fail(*_: object) -> None:
        raise ValueError("not foreseen")

    with monkeypatch.context() as patch:
        patch.setattr(ReactionReader, "feed", fail)
        async with asyncio.timeout(30):
            with pytest.raises(RuntimeError, match="Reading from the kernel failed: ValueError"):
                await run(kernels, kernel_id, "1")
    assert printed(await run(kernels, kernel_id, "print('next')")) == "next\n"
