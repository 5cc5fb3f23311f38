"""What the scripted TGI server does, read from the prompt's newest question: no I/O.

A question carries directives, `[[name]]` or `[[name: value]]`, set apart by white space; `\\n` in a
value is a line end. Steps are taken one a generation; modifiers hold for all of them:

    steps       answer: TEXT ({output} is the last output), code: SOURCE, text: TEXT (put before
                the next step), long: N, length: N, error: N, cut: N, stall: N, end: N (after N
                tokens), failed (424), unready (503), too_long (422), too_long: N (while the prompt
                is longer than N characters, then the next step)
    modifiers   busy: N (429 for the first N requests; without N always), slow: N (tokens a second),
                hold: N (the first step waits after N tokens to be released), title: TEXT
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

End = Literal["eos", "length", "error", "cut", "stall", "end", "failed", "unready", "too_long"]

ENDS: dict[str, End] = {
    "length": "length",
    "error": "error",
    "cut": "cut",
    "stall": "stall",
    "end": "end",
    "failed": "failed",
    "unready": "unready",
    "too_long": "too_long",
}
TITLE_REQUEST = "Write a title"
OUTPUT = "Output:\n"

_TURN = re.compile(r"<\|im_start\|>(\w+)\n(.*?)(?:<\|im_end\|>|\Z)", re.DOTALL)
_DIRECTIVE = re.compile(r"\[\[(\w+)(?::[ ]?(.*?))?\]\](?=\s|$)", re.DOTALL)
_PIECE = re.compile(r"```|\n|[^\S\n]*[^\s`]+|[^\S\n]+|`+")


@dataclass(frozen=True)
class Plan:
    """What is done with one request: the tokens that are sent, and how it ends."""

    pieces: tuple[str, ...] = ()
    end: End = "eos"
    rate: float | None = None
    hold: int | None = None
    busy: int = 0
    key: str = ""


@dataclass(frozen=True)
class Directive:
    """One `[[name: value]]`."""

    name: str
    value: str


def plan(prompt: str) -> Plan:
    """What the newest question of a ChatML prompt asks for."""
    turns = [(role, text) for role, text in turns_of(prompt) if role == "user"]
    text = turns[-1][1] if turns else prompt
    if text.startswith(TITLE_REQUEST):
        return _title(text)
    outputs: list[str] = []
    while turns and turns[-1][1].startswith(OUTPUT):
        outputs.append(turns.pop()[1])
    question = turns[-1][1] if turns else prompt
    directives = _directives(question)
    if not directives:
        directives = _usual(question)
    made = _step(directives, len(outputs), len(prompt), outputs[0] if outputs else "")
    return _modified(made, directives, question, first=not outputs)


def turns_of(prompt: str) -> list[tuple[str, str]]:
    """Role and text of each turn of a ChatML prompt, the last one open or empty."""
    return _TURN.findall(prompt)


def pieces(text: str) -> tuple[str, ...]:
    """A text as tokens: words with the blank before them, line ends, fences."""
    return tuple(_PIECE.findall(text))


def _title(text: str) -> Plan:
    titles = [each.value for each in _directives(text) if each.name == "title"]
    return Plan(pieces(titles[-1] if titles else "A scripted title"))


def _directives(text: str) -> list[Directive]:
    return [Directive(name, value.replace("\\n", "\n")) for name, value in _DIRECTIVE.findall(text)]


def _usual(question: str) -> list[Directive]:
    if "plot" in question.lower():
        source = "x = np.linspace(0, 6, 200)\nplt.plot(x, np.sin(x))\nplt.show()"
        return [Directive("code", source), Directive("answer", "Here is the plot.")]
    return [Directive("answer", f"You said: {question}")]


def _steps(directives: Sequence[Directive]) -> list[list[Directive]]:
    """The directives of each step: the step itself, after the texts put before it."""
    steps: list[list[Directive]] = []
    before: list[Directive] = []
    for directive in directives:
        if directive.name == "text":
            before.append(directive)
        elif directive.name in ("answer", "code", "long", *ENDS):
            steps.append([*before, directive])
            before = []
    return steps


def _step(directives: Sequence[Directive], index: int, length: int, output: str) -> Plan:
    steps = [step for step in _steps(directives) if not _is_passed(step[-1], length)]
    if index >= len(steps):
        return Plan(pieces("That is all."))
    *before, step = steps[index]
    prefix = "".join(each.value for each in before)
    match step.name:
        case "answer":
            return Plan(pieces(prefix + step.value.replace("{output}", _printed(output))))
        case "code":
            start = prefix or "Running it.\n\n"
            return Plan(pieces(f"{start}```python\n{step.value}\n```\nDone."))
        case "long":
            return Plan(pieces(prefix) + _filler(int(step.value)))
        case name:
            return Plan(pieces(prefix) + _filler(int(step.value or 0)), ENDS[name])


def _is_passed(step: Directive, length: int) -> bool:
    """Whether a prompt is no longer too long, so that the next step is taken."""
    return step.name == "too_long" and step.value != "" and length <= int(step.value)


def _filler(count: int) -> tuple[str, ...]:
    return tuple(f"w{index} " for index in range(count))


def _printed(output: str) -> str:
    """The text between the fences of an output turn."""
    lines = output.removeprefix(OUTPUT).strip().split("\n")
    return "\n".join(line for line in lines if not line.startswith("```")).strip()


def _modified(made: Plan, directives: Sequence[Directive], question: str, *, first: bool) -> Plan:
    for directive in directives:
        match directive.name:
            case "busy":
                made = replace(made, busy=int(directive.value or 1_000_000))
            case "slow":
                made = replace(made, rate=float(directive.value))
            case "hold" if first:
                made = replace(made, hold=int(directive.value))
            case _:
                pass
    return replace(made, key=question)
