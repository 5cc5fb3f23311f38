"""The prompt: system prompt, examples, the history, the answer so far, within the window."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from pybot.services.agent.observations import MAX_OBSERVATION, last_generation, observe
from pybot.services.agent.ports import PastMessage
from pybot.services.llm.base import Delta, Turn
from pybot.services.llm.profiles import Profile, output_turn
from pybot.services.records import CellPart, MessageRole, MessageStatus, Part, TextPart, TokenUsage

# English prose and code are near it; corrected by what the service counts.
_CHARACTERS_PER_TOKEN = 3.5
# What a chat template adds to each turn.
_TOKENS_PER_TURN = 5
# Least tokens and code points: estimates err, and the service itself refuses what is too long.
_LEAST_ANSWER = 64
_LEAST_OBSERVATION = 200
# Texts for an answer that ends with a cell, so that the next question is not read as part of its
# output: one that was broken off, and one that needed no text.
BROKEN_OFF = "(The answer was broken off here.)"
DONE = "Done."


class FittedPrompt(Struct, frozen=True):
    """Turns that fit the window, and how many tokens are left for the model to write."""

    turns: tuple[Turn, ...]
    max_tokens: int


class Prompt:
    """Builds one run's prompts within the context window of its model, in tokens."""

    def __init__(
        self,
        profile: Profile,
        history: Sequence[PastMessage],
        instructions: str,
        window: int | None,
    ) -> None:
        system = "\n\n".join(text for text in (profile.system, instructions.strip()) if text)
        self._system = [Turn("system", system)] if system else []
        self._few_shot = list(profile.few_shot)
        self._exchanges = list(_exchanges(history))
        self._generation = last_generation([part for past in history for part in past.parts])
        self._observation = MAX_OBSERVATION
        self._window = window
        self._correction = 1.0

    def fit(self, parts: Sequence[Part], max_tokens: int) -> FittedPrompt:
        """The prompt for what follows `parts` of the answer.

        Exchanges of the history are left out, the oldest first, until the rest fits and leaves a
        third of the window to the answer; the system prompt and the newest question always stay.
        """
        if self._window is not None:
            wanted = self._window - min(max_tokens, self._window // 3)
            self._drop_exchanges(self.estimate(self._turns(parts)) - wanted)
            while self.estimate(self._turns(parts)) > wanted and self.shrink():
                pass
        turns = self._turns(parts)
        if self._window is None:
            return FittedPrompt(turns, max_tokens)
        room = max(self._window - self.estimate(turns), _LEAST_ANSWER)
        return FittedPrompt(turns, min(max_tokens, room))

    def shrink(self) -> bool:
        """Leave out the oldest exchange, or else the examples, or else half of each output.

        False when nothing can go.
        """
        if len(self._exchanges) > 1:
            del self._exchanges[0]
        elif self._few_shot:
            self._few_shot.clear()
        elif self._observation > _LEAST_OBSERVATION:
            self._observation //= 2
        else:
            return False
        return True

    def _drop_exchanges(self, excess: int) -> None:
        """Leave out the oldest exchanges, `excess` tokens together or all but the newest."""
        count = 0
        while excess > 0 and count < len(self._exchanges) - 1:
            excess -= self.estimate(self._exchanges[count])
            count += 1
        del self._exchanges[:count]

    def halve(self) -> bool:
        """Leave out half of what can go, after the service has found the prompt too long."""
        self._correction *= 1.3  # it was guessed too short, and so is what is left
        wanted = max(1, len(self._exchanges) // 2)
        shrunk = [self.shrink() for _ in range(wanted)]
        return shrunk[0]

    def estimate(self, turns: Iterable[Turn]) -> int:
        """About how many tokens the turns are."""
        tokens = sum(len(turn.text) / _CHARACTERS_PER_TOKEN + _TOKENS_PER_TURN for turn in turns)
        return round(tokens * self._correction)

    def estimate_usage(self, turns: Iterable[Turn], written: Sequence[Delta]) -> TokenUsage:
        """About how many tokens a request took whose service did not count them.

        Most services send a piece a token; those that join them are found by the length.
        """
        characters = sum(len(delta.text) for delta in written)
        tokens = round(characters / _CHARACTERS_PER_TOKEN * self._correction)
        return TokenUsage(
            prompt_tokens=self.estimate(turns), completion_tokens=max(tokens, len(written))
        )

    def correct(self, turns: Sequence[Turn], prompt_tokens: int) -> None:
        """Take the service's own count of a prompt for later estimates."""
        self._correction = 1.0
        estimated = self.estimate(turns)
        if prompt_tokens and estimated:
            self._correction = min(max(prompt_tokens / estimated, 0.5), 4.0)

    def _turns(self, parts: Sequence[Part]) -> tuple[Turn, ...]:
        said = [turn for exchange in self._exchanges for turn in exchange]
        answer = answer_turns(parts, self._generation, length=self._observation)
        turns = [*self._system, *self._few_shot, *said, *answer]
        return tuple(_merged(turns))


def answer_turns(
    parts: Sequence[Part], generation: int | None = None, *, length: int = MAX_OBSERVATION
) -> Iterator[Turn]:
    """An answer as turns: text and code are the assistant's, outputs come back as the user's.

    `generation` is the kernel's before the answer; `length` the most code points of an output.
    """
    written: list[str] = []
    for part in parts:
        if isinstance(part, TextPart) and not part.reasoning and part.text:
            written.append(part.text)
        elif isinstance(part, CellPart):
            written.append(code_block(part.cell.source))
            yield Turn("assistant", "\n\n".join(written))
            yield output_turn(observe(part.cell, generation, length=length))
            generation = last_generation([part], generation)
            written = []
    if written:
        yield Turn("assistant", "\n\n".join(written))


def code_block(source: str) -> str:
    """Code in a fence that is longer than any within it."""
    fence = "```"
    while fence in source:
        fence += "`"
    return f"{fence}python\n{source}\n{fence}\n"


def _exchanges(history: Sequence[PastMessage]) -> Iterator[list[Turn]]:
    """Questions, each with what was answered to it; they go together."""
    exchange: list[Turn] = []
    generation: int | None = None
    is_whole = False
    for past in history:
        if past.message.role is MessageRole.USER:
            if exchange:
                if exchange[-1].role == "user":
                    exchange.append(Turn("assistant", DONE if is_whole else BROKEN_OFF))
                yield exchange
            exchange, is_whole = [Turn("user", _text(past))], False
        else:
            is_whole = past.message.status is MessageStatus.COMPLETED
            exchange.extend(answer_turns(past.parts, generation))
            generation = last_generation(past.parts, generation)
    if exchange:
        yield exchange


def _text(past: PastMessage) -> str:
    """A user's text."""
    return "\n\n".join(part.text for part in past.parts if isinstance(part, TextPart))


def _merged(turns: Sequence[Turn]) -> Iterator[Turn]:
    """Turns that alternate, as chat templates want them: neighbours of one role are joined."""
    last: Turn | None = None
    for turn in turns:
        if last is not None and last.role == turn.role:
            last = Turn(last.role, f"{last.text}\n\n{turn.text}")
            continue
        if last is not None:
            yield last
        last = turn
    if last is not None:
        yield last
