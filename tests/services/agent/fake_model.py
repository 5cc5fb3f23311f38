"""A chat model that plays scripts."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

from pybot.services.llm.base import Delta, ModelInfo, ModelRequest, ResponseEnd
from pybot.services.records import TokenUsage

# A piece of text, an exception, or something that happens (and may wait).
Item = str | Delta | ResponseEnd | Exception | asyncio.Event | Callable[[], None]


def text_of(code: str) -> str:
    """What a model writes to have code run."""
    return f"```python\n{code}\n```\n"


class FakeModel:
    """Plays one script a request; a stop sequence ends it as a service would."""

    name = "fake"

    def __init__(self, *scripts: Sequence[Item]) -> None:
        self.scripts = list(scripts)
        self.asked: list[ModelRequest] = []
        self.closed = 0
        self.waiting = asyncio.Event()

    async def generate(self, request: ModelRequest) -> AsyncGenerator[Delta | ResponseEnd]:
        self.asked.append(request)
        script = self.scripts[min(len(self.asked), len(self.scripts)) - 1]
        said, tokens = "", 0
        try:
            for item in script:
                if isinstance(item, ResponseEnd):
                    yield item
                    return
                for delta in await self._deltas(item):
                    tokens += 1
                    said += "" if delta.reasoning else delta.text
                    yield delta
                    if said.endswith(tuple(request.stop)):
                        yield _stopped(tokens)
                        return
            yield _stopped(tokens)
        finally:
            self.closed += 1

    async def _deltas(self, item: Item) -> list[Delta]:
        match item:
            case Exception():
                raise item
            case asyncio.Event():
                self.waiting.set()
                await item.wait()
                return []
            case Delta():
                return [item]
            case str():
                return [Delta(piece) for piece in _pieces(item)]
            case ResponseEnd():
                return []
            case _:
                item()
                return []

    async def info(self) -> ModelInfo:
        return ModelInfo(self.name, None, available=True)

    async def aclose(self) -> None:
        pass


def _stopped(tokens: int) -> ResponseEnd:
    return ResponseEnd("stop", TokenUsage(prompt_tokens=10, completion_tokens=tokens))


def _pieces(text: str) -> list[str]:
    """Tokens of four characters; line ends are tokens of their own, as stop sequences need."""
    lines = text.splitlines(keepends=True)
    cut = [line[i : i + 4] for line in lines for i in range(0, len(line), 4)]
    return [piece for piece in cut if piece]
