"""Prompts: what is in them, and what goes when they do not fit the window."""

from dataclasses import replace

import pytest
from msgspec import structs

from pybot.services.agent.prompt import BROKEN_OFF, DONE, Prompt, answer_turns, code_block
from pybot.services.llm.base import Turn
from pybot.services.llm.profiles import Profile
from pybot.services.records import (
    Cell,
    CellPart,
    CellStatus,
    ErrorPart,
    MessageStatus,
    Part,
    RunError,
    RunErrorCode,
    StreamName,
    StreamOutput,
    TextPart,
)
from tests.services.agent.past_messages import Past, answered, asked

SYSTEM = Turn("system", "Be brief.")
FEW_SHOT = (Turn("user", "Hi."), Turn("assistant", "Hello."))


def prompt(*history: Past, window: int | None = None, instructions: str = "") -> Prompt:
    profile = Profile(system="Be brief.", few_shot=FEW_SHOT)
    return Prompt(profile, history, instructions, window)


def turns(*history: Past, parts: tuple[Part, ...] = (), instructions: str = "") -> list[Turn]:
    built = prompt(*history, instructions=instructions)
    return list(built.fit(parts, 100).turns)


def text(index: int, words: str) -> TextPart:
    return TextPart(index=index, text=words)


def cell(index: int, source: str, printed: str = "", generation: int = 1) -> CellPart:
    output = StreamOutput(index=0, name=StreamName.STDOUT, text=printed)
    return CellPart(
        index=index,
        cell=Cell(
            id=f"c.m.{index}",
            run_id="c.r",
            source=source,
            status=CellStatus.COMPLETED,
            outputs=(output,) if printed else (),
            kernel_generation=generation,
        ),
    )


def test_system_examples_and_history_come_in_order() -> None:
    history = (asked("One?"), answered(text(0, "1.")), asked("Two?"))
    assert turns(*history) == [
        SYSTEM,
        *FEW_SHOT,
        Turn("user", "One?"),
        Turn("assistant", "1."),
        Turn("user", "Two?"),
    ]


def test_instructions_follow_the_system_prompt() -> None:
    assert turns(asked("Why?"), instructions=" In French. \n")[0] == Turn(
        "system", "Be brief.\n\nIn French."
    )


def test_cells_come_with_their_outputs() -> None:
    parts = (text(0, "So:"), cell(1, "1+1", "2"), text(2, "It is 2."))
    assert list(answer_turns(parts)) == [
        Turn("assistant", "So:\n\n```python\n1+1\n```\n"),
        Turn("user", "Output:\n```\n2\n```"),
        Turn("assistant", "It is 2."),
    ]


def test_thoughts_and_errors_are_not_in_the_prompt() -> None:
    error = RunError(code=RunErrorCode.INTERNAL, message="It broke.")
    parts = (
        TextPart(index=0, text="Hm.", reasoning=True),
        text(1, "Yes."),
        ErrorPart(index=2, error=error),
    )
    assert list(answer_turns(parts)) == [Turn("assistant", "Yes.")]


def test_every_question_has_an_answer() -> None:
    """Roles alternate, and a question is read neither as another's end nor as an output's."""
    history = (asked("One?"), asked("Two?"), answered(cell(0, "x")), asked("Three?"))
    found = turns(*history)[3:]
    assert found == [
        Turn("user", "One?"),
        Turn("assistant", BROKEN_OFF),
        Turn("user", "Two?"),
        Turn("assistant", "```python\nx\n```\n"),
        Turn("user", "Output:\n```\n(no output)\n```"),
        Turn("assistant", DONE),
        Turn("user", "Three?"),
    ]


def test_prompt_says_that_an_answer_broke_off() -> None:
    broken = answered(cell(0, "x"))
    broken = replace(broken, message=structs.replace(broken.message, status=MessageStatus.FAILED))
    found = turns(asked("One?"), broken, asked("Two?"))
    assert found[-2:] == [Turn("assistant", BROKEN_OFF), Turn("user", "Two?")]


def test_neighbours_of_one_role_are_joined() -> None:
    found = turns(answered(text(0, "Hi.")), asked("One?"))
    assert found[2:] == [Turn("assistant", "Hello.\n\nHi."), Turn("user", "One?")]


def test_prompt_says_that_the_kernel_is_new_also_across_answers() -> None:
    history = (asked("One?"), answered(cell(0, "x = 1", generation=1)), asked("Two?"))
    found = turns(*history, parts=(cell(0, "x", generation=2),))
    assert "started anew" in found[-1].text
    assert "started anew" not in found[-4].text


def test_a_fence_is_longer_than_any_in_the_code() -> None:
    assert code_block("'''\n```\n'''") == "````python\n'''\n```\n'''\n````\n"


def test_the_oldest_exchanges_go_first() -> None:
    history = [
        message
        for number in range(20)
        for message in (asked(f"Question {number}?"), answered(text(0, f"{number}. " + "x" * 350)))
    ]
    fitted = prompt(*history, asked("Last?"), window=1000).fit((), 400)
    found = fitted.turns
    assert found[:3] == (SYSTEM, *FEW_SHOT)
    assert found[-1] == Turn("user", "Last?")
    assert found[3].text == "Question 15?"
    assert fitted.max_tokens == 400


def test_system_prompt_and_newest_question_never_go() -> None:
    question = "x" * 10_000
    fitted = prompt(asked("One?"), answered(text(0, "1.")), asked(question), window=1000).fit(
        (), 400
    )
    assert fitted.turns == (SYSTEM, Turn("user", question))
    assert fitted.max_tokens == 64


def test_outputs_are_cut_further_when_nothing_else_can_go() -> None:
    parts = tuple(cell(index, f"x{index}", "y" * 2000) for index in range(4))
    fitted = prompt(asked("Why?"), window=2000).fit(parts, 400)
    assert sum(len(turn.text) for turn in fitted.turns) < 2000 * 3.5
    assert [turn.role for turn in fitted.turns].count("assistant") == 4


def test_the_answer_fits_what_is_left() -> None:
    built = prompt(asked("x" * 1750), window=1000)
    fitted = built.fit((), 2000)
    assert fitted.max_tokens == 1000 - built.estimate(fitted.turns)


def test_estimates_follow_the_services_count() -> None:
    built = prompt(asked("x" * 3500))
    before = built.fit((), 100).turns
    assert 1000 < built.estimate(before) < 1050
    built.correct(before, 2000)
    assert abs(built.estimate(before) - 2000) <= 1
    built.correct(before, 0)
    assert 1000 < built.estimate(before) < 1050


def test_halving_leaves_out_half_of_what_was_said() -> None:
    history = [asked(f"{number}?") for number in range(8)]
    pairs = [message for each in history for message in (each, answered(text(0, "yes")))]
    built = prompt(*pairs, asked("Last?"))
    assert built.halve()
    assert built.fit((), 100).turns[3].text == "4?"
    while built.halve():
        pass
    assert built.fit((), 100).turns == (SYSTEM, Turn("user", "Last?"))


def test_prompt_that_just_fits_is_whole() -> None:
    """One token less, and the oldest exchange goes; an estimate that was corrected counts."""
    history = (asked("x" * 1000), answered(text(0, "y" * 1000)), asked("Last?"))
    whole = prompt(*history)
    size = whole.estimate(whole.fit((), 100).turns)
    assert len(prompt(*history, window=size + 100).fit((), 100).turns) == 6
    assert len(prompt(*history, window=size + 99).fit((), 100).turns) == 4


def test_shortened_prompt_keeps_examples_and_outputs_as_long_as_it_can() -> None:
    """Exchanges go first, then the examples, then halves of outputs, and at last nothing more."""
    built = prompt(asked("One?"), answered(text(0, "1.")), asked("Two?"))
    parts = (cell(0, "x", "y" * 10_000),)
    lengths: list[int] = []
    counts: list[int] = []
    while True:
        turns = built.fit(parts, 100).turns
        counts.append(len(turns))
        lengths.append(len(turns[-1].text))
        if not built.shrink():
            break
    assert counts[:3] == [8, 6, 4]
    assert set(counts[3:]) == {4}
    assert lengths[0] == lengths[2] > lengths[3] > lengths[4] > lengths[-1] > 100


def test_correction_has_bounds() -> None:
    """A count that is far off, as of a broken service, neither empties prompts nor fills them."""
    built = prompt(asked("x" * 3500))
    turns = built.fit((), 100).turns
    guessed = built.estimate(turns)
    for counted, factor in ((1, 0.5), (100_000, 4.0), (guessed * 2, 2.0)):
        built.correct(turns, counted)
        assert built.estimate(turns) == pytest.approx(guessed * factor, abs=2)
