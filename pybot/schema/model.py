"""The language models that conversations use."""

from collections.abc import Iterable

import strawberry

from pybot.schema import ids
from pybot.schema.fields import field
from pybot.schema.node import Node
from pybot.services.llm.base import ChatModel, ModelInfo
from pybot.services.values.once import Once, known


@strawberry.type(description="A language model that this server can use.")
class Model(Node):
    """A model by its name; its service is asked only for what is selected."""

    about: strawberry.Private[Once[ModelInfo]]
    name: str = strawberry.field(description="The name of the model, as its service gives it.")

    @field(
        "The number of tokens of context that the model takes; null when its service does not say."
    )
    async def context_window(self) -> int | None:
        return (await self.about.get()).context_window

    @field("Whether its service answers at present.")
    async def available(self) -> bool:
        return (await self.about.get()).available

    @classmethod
    def from_port(cls, model: ChatModel) -> "Model":
        """A model that the server is configured with."""
        return cls(id=ids.encode("Model", model.name), name=model.name, about=Once(model.info))

    @classmethod
    def named(cls, name: str, models: Iterable[ChatModel]) -> "Model":
        """The model of a conversation; one that the server has no more is not available."""
        for model in models:
            if model.name == name:
                return cls.from_port(model)
        gone = ModelInfo(name=name, context_window=None, available=False)
        return cls(id=ids.encode("Model", name), name=name, about=known(gone))
