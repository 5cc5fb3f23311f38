"""One turn of the model: its text parsed as it comes, up to the end of a Python block."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence

from msgspec import Struct

from pybot.services.agent.answer import Answer
from pybot.services.agent.bundles import clean
from pybot.services.agent.failures import repeats_itself
from pybot.services.agent.parser import Code, CodeBegan, CodeEnded, Parsed, Parser, Text
from pybot.services.agent.ports import RunLog
from pybot.services.agent.prompt import FittedPrompt, Prompt
from pybot.services.agent.repetition import Repetition
from pybot.services.agent.streams import closing
from pybot.services.llm.base import ChatModel, Delta, ModelError, ModelRequest, ResponseEnd, Turn
from pybot.services.llm.profiles import STOP
from pybot.services.records import Cell, RunErrorCode, RunPhase, TokenUsage

# Seconds to wait for the end of a response that was stopped at a fence: it follows at once, or not
# at all.
_END_TIMEOUT = 0.2
_LONGEST_PAUSE = 8.0
# An answer with more blocks that are no cells is written without stop sequences from there on.
_MOST_STOPS = 8


class WrittenTurn(Struct, frozen=True, kw_only=True):
    """A turn of the model: its cell to run, None when the answer ended; `is_cut` by a limit."""

    cell: Cell | None
    usage: TokenUsage
    is_cut: bool


class Writer:
    """Writes one turn of the model into an answer.

    `on_usage` is called with the tokens of the turn so far. Raises ModelError, and RunNotCompleted
    when the model repeats itself; the answer has what was written by then.
    """

    def __init__(
        self,
        model: ChatModel,
        log: RunLog,
        answer: Answer,
        prompt: Prompt,
        *,
        on_code: Callable[[], None],
        on_usage: Callable[[TokenUsage], None],
        attempts: int,
        pause: float,
    ) -> None:
        self._model = model
        self._log = log
        self._answer = answer
        self._prompt = prompt
        self._on_code = on_code
        self._on_usage = on_usage
        self._attempts = attempts
        self._pause = pause
        self._parser = Parser()
        self._repetition = Repetition()
        self._raw = ""  # what the model wrote in this turn
        self._is_over = False  # a Python block has ended, or the answer repeats itself
        self._cell: Cell | None = None
        self.usage = TokenUsage()

    async def write(self, fitted: FittedPrompt, temperature: float | None) -> WrittenTurn:
        """Let the model write until a Python block ends, or the turn, or `max_tokens` are reached.

        The stop sequence also ends blocks that are no cells; then the model goes on.
        """
        is_cut = False
        for stop in (*[STOP] * _MOST_STOPS, ()):
            before = len(self._raw)
            left = fitted.max_tokens - self.usage.completion_tokens
            turns = _continued(fitted.turns, self._raw)
            request = ModelRequest(
                turns=turns, max_tokens=max(1, left), stop=stop, temperature=temperature
            )
            is_cut = await self._generate(request) == "length" or left <= 1
            has_gone_on = len(self._raw) > before
            if is_cut or self._is_over or not has_gone_on or not self._raw.endswith(STOP):
                break
        await self._finish(is_whole=not is_cut)
        return WrittenTurn(cell=self._cell, usage=self.usage, is_cut=is_cut and self._cell is None)

    async def _generate(self, request: ModelRequest) -> str:
        """Generate, again after a growing pause while the service is busy; why it ended."""
        attempt = 1
        while True:
            await self._log.phase(RunPhase.WAITING_FOR_MODEL)
            written = len(self._raw)
            try:
                async with closing(self._model.generate(request)) as stream:
                    return await self._read(stream, request)
            except ModelError as error:
                is_busy = error.code is RunErrorCode.MODEL_BUSY and len(self._raw) == written
                if not is_busy or attempt >= self._attempts:
                    await self._finish(is_whole=False)
                    raise
            jitter = random.uniform(0.75, 1.25)  # noqa: S311 - spreads retries, guards nothing
            await asyncio.sleep(min(self._pause * 2 ** (attempt - 1), _LONGEST_PAUSE) * jitter)
            attempt += 1

    async def _read(self, stream: AsyncIterator[Delta | ResponseEnd], request: ModelRequest) -> str:
        """Write what the model streams, and count its tokens; the reason of the response's end."""
        written: list[Delta] = []
        prompt_tokens = self._prompt.estimate(request.turns)
        usage: TokenUsage | None = None
        was_refused = False
        try:
            async for item in stream:
                if isinstance(item, Delta):
                    written.append(item)
                # Most services send a piece a token.
                so_far = TokenUsage(prompt_tokens=prompt_tokens, completion_tokens=len(written))
                self._on_usage(self.usage + so_far)
                await self._log.phase(RunPhase.GENERATING)
                if isinstance(item, ResponseEnd):
                    usage = item.usage
                    return item.reason
                await self._take(item)
                if self._is_over:
                    usage = await self._reported_usage(stream)
                    return "stop"
        except ModelError:
            was_refused = not written
            raise
        finally:
            if usage is not None:
                self._prompt.correct(request.turns, usage.prompt_tokens)
            elif not was_refused:  # cut off: an estimate
                usage = self._prompt.estimate_usage(request.turns, written)
            self.usage += usage or TokenUsage()
            self._on_usage(self.usage)
        message = "The answer broke off: the model's service ended it too early."
        raise ModelError(RunErrorCode.MODEL_INTERRUPTED, message)

    async def _reported_usage(
        self, stream: AsyncIterator[Delta | ResponseEnd]
    ) -> TokenUsage | None:
        """The usage, when the service also stopped at the block's end and reports it at once."""
        if not self._raw.endswith(STOP):
            return None
        try:
            async with asyncio.timeout(_END_TIMEOUT):
                item = await anext(stream, None)
        except TimeoutError:
            return None
        return item.usage if isinstance(item, ResponseEnd) else None

    async def _take(self, delta: Delta) -> None:
        if delta.reasoning:
            await self._answer.write_text(delta.text, reasoning=True)
            return
        text = clean(delta.text)
        self._raw += text
        if self._repetition.feed(text):
            raise repeats_itself()
        for parsed in self._parser.feed(text):
            await self._write(parsed)
            if self._is_over:
                return

    async def _write(self, parsed: Parsed) -> None:
        match parsed:
            case Text():
                await self._answer.write_text(parsed.text)
            case CodeBegan():
                pass
            case Code():
                await self._answer.write_code(parsed.text)
                if self._answer.has_open_cell:
                    self._on_code()
            case CodeEnded():
                self._cell = await self._answer.end_code()
                self._is_over = True

    async def _finish(self, *, is_whole: bool) -> None:
        """Write what the parser held back; code that was cut off does not become a cell to run."""
        if self._is_over:
            return
        for parsed in self._parser.finish():
            if is_whole or not isinstance(parsed, CodeEnded):
                await self._write(parsed)


def _continued(turns: Sequence[Turn], text: str) -> tuple[Turn, ...]:
    """The turns with the assistant's unfinished one at their end."""
    if not text:
        return tuple(turns)
    if turns and turns[-1].role == "assistant":
        return (*turns[:-1], Turn("assistant", turns[-1].text + text))
    return (*turns, Turn("assistant", text))
