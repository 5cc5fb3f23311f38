"""Answers taken up from another worker: what is committed stays, what had started is not redone."""

from msgspec.structs import replace

from pybot.services.agent.loop import run_agent
from pybot.services.agent.ports import Outcome
from pybot.services.agent.resuming import kept_parts
from pybot.services.kernels.base import Done, KernelUnavailable, Printed
from pybot.services.llm.base import Turn
from pybot.services.records import (
    Cell,
    CellPart,
    CellStatus,
    ErrorOutput,
    Part,
    RunStatus,
    StreamName,
    StreamOutput,
    TextPart,
)
from pybot.services.records.events import TextDelta
from tests.services.agent.fake_kernel import FakeKernel
from tests.services.agent.fake_model import FakeModel, text_of
from tests.services.agent.fakes import (
    MESSAGE_ID,
    RUN_ID,
    FakeLog,
    assignment,
    ended,
    settings,
    tools,
)

SAID = TextPart(index=0, text="Let me see.")
PRINTED = StreamOutput(index=0, name=StreamName.STDOUT, text="tick\n")
RUNNING = Cell(
    id=f"{MESSAGE_ID}.1",
    run_id=RUN_ID,
    source="loop()",
    status=CellStatus.RUNNING,
    outputs=(PRINTED,),
    kernel_generation=3,
)


def cell_part(**changes: object) -> CellPart:
    return CellPart(index=1, cell=replace(RUNNING, **changes))


async def resume(
    parts: tuple[Part, ...], committed: int, model: FakeModel, kernel: FakeKernel
) -> tuple[Outcome, list[Part], FakeLog]:
    log = FakeLog()
    work = assignment(parts=parts, committed=committed)
    outcome = ended(await run_agent(tools(model, kernel, log), work, settings()))
    return outcome, [step.part for step in log.steps], log


async def test_unfinished_text_is_redone_with_a_higher_revision() -> None:
    parts = (replace(SAID, text="Let m", revision=1),)
    outcome, written, log = await resume(parts, 0, FakeModel(["Let us see."]), FakeKernel())
    assert outcome.status is RunStatus.COMPLETED
    assert written == [TextPart(index=0, text="Let us see.", revision=2)]
    assert all(event.revision == 2 for event in log.events if isinstance(event, TextDelta))


async def test_code_that_had_not_started_is_redone() -> None:
    for status in (CellStatus.WRITING, CellStatus.QUEUED):
        kernel, model = FakeKernel(), FakeModel([text_of("1")], ["."])
        _, written, _ = await resume((SAID, cell_part(status=status)), 1, model, kernel)
        assert model.asked[0].turns[-1] == Turn("assistant", "Let me see.")
        cell = written[0]
        assert isinstance(cell, CellPart)
        assert (cell.index, cell.cell.revision, cell.cell.source) == (1, 1, "1")
        assert kernel.executed == ["1"]


async def test_a_cell_that_had_started_is_never_run_again() -> None:
    kernel, model = FakeKernel(), FakeModel(["It was lost."])
    outcome, written, _ = await resume((SAID, cell_part()), 1, model, kernel)
    assert outcome.status is RunStatus.COMPLETED
    assert kernel.executed == []
    assert kernel.interrupts == 0
    cell, said = written
    assert isinstance(cell, CellPart)
    assert cell.cell.status is CellStatus.INTERRUPTED
    assert cell.cell.outputs[0] == PRINTED
    assert isinstance(cell.cell.outputs[1], ErrorOutput)
    assert cell.cell.outputs[1].ename == "WorkerLost"
    assert "WorkerLost" in model.asked[0].turns[-1].text
    assert said == TextPart(index=2, text="It was lost.")


async def test_a_cell_whose_kernel_lives_is_followed_to_its_end() -> None:
    kernel, model = FakeKernel(), FakeModel(["It ticked."])
    kernel.generation = 3
    kernel.followed = (Printed(StreamName.STDOUT, "tock\n"), Done("ok", 7))
    _, written, _ = await resume((SAID, cell_part()), 1, model, kernel)
    assert kernel.executed == []
    assert kernel.message_ids == [RUNNING.id]
    cell = written[0]
    assert isinstance(cell, CellPart)
    assert cell.cell.status is CellStatus.COMPLETED
    printed, missing, later = cell.cell.outputs
    assert printed == PRINTED
    assert isinstance(missing, StreamOutput)
    assert "may be missing" in missing.text
    assert later == StreamOutput(index=2, name=StreamName.STDOUT, text="tock\n")
    assert "tock" in model.asked[0].turns[-1].text


async def test_a_followed_cell_that_had_ended_is_not_known() -> None:
    kernel, model = FakeKernel(), FakeModel(["Who knows."])
    kernel.generation = 3
    outcome, written, _ = await resume((SAID, cell_part()), 1, model, kernel)
    assert outcome.status is RunStatus.COMPLETED
    cell = written[0]
    assert isinstance(cell, CellPart)
    assert cell.cell.status is CellStatus.INTERRUPTED
    assert "WorkerLost" in model.asked[0].turns[-1].text


async def test_a_cell_whose_provider_is_out_of_reach_is_lost() -> None:
    """Nobody can say whether its kernel lives."""

    class Unreachable(FakeKernel):
        async def is_alive(self, generation: int | None) -> bool:  # noqa: ARG002
            raise KernelUnavailable("No gateway.")

    model = FakeModel(["It was lost."])
    outcome, written, _ = await resume((SAID, cell_part()), 1, model, Unreachable())
    assert outcome.status is RunStatus.COMPLETED
    cell = written[0]
    assert isinstance(cell, CellPart)
    assert cell.cell.status is CellStatus.INTERRUPTED
    assert "WorkerLost" in model.asked[0].turns[-1].text


async def test_a_run_goes_on_after_its_last_step() -> None:
    done = cell_part(status=CellStatus.COMPLETED)
    model = FakeModel(["It ticks."])
    _, written, _ = await resume((SAID, done), 2, model, FakeKernel())
    assert written == [TextPart(index=2, text="It ticks.")]
    assert [turn.role for turn in model.asked[0].turns] == ["system", "user", "assistant", "user"]


async def test_the_model_reads_that_the_kernel_is_new() -> None:
    done = cell_part(status=CellStatus.COMPLETED)
    model = FakeModel([text_of("x")], ["."])
    await resume((SAID, done), 2, model, FakeKernel())
    assert "variables of earlier code are lost" in model.asked[1].turns[-1].text


async def test_cells_that_are_committed_count_as_steps() -> None:
    done = cell_part(status=CellStatus.COMPLETED)
    log = FakeLog()
    work = assignment(parts=(SAID, done), committed=2)
    ports = tools(FakeModel([text_of("1")]), FakeKernel(), log)
    outcome = ended(await run_agent(ports, work, settings(max_steps=1)))
    assert outcome.status is RunStatus.INCOMPLETE


def test_kept_parts_are_the_committed_and_a_started_cell() -> None:
    assert kept_parts((), 0) == 0
    assert kept_parts((SAID,), 0) == 0
    assert kept_parts((SAID,), 1) == 1
    assert kept_parts((SAID, cell_part()), 1) == 2
    assert kept_parts((SAID, cell_part(status=CellStatus.WRITING)), 1) == 1
    assert kept_parts((SAID, cell_part(status=CellStatus.QUEUED)), 1) == 1
