"""The language models that conversations use."""

from collections.abc import Sequence

import strawberry

from pybot.schema import ids
from pybot.schema.fields import field
from pybot.schema.node import Node
from pybot.services.llm.base import ChatModel, ModelInfo
from pybot.services.llm.smollm2 import DEMO_MODEL
from pybot.services.values.once import Once, known


@strawberry.type(description="A language model that this server can use.")
class Model(Node):
    """A model by its name; its service is asked only for what is selected."""

    about: strawberry.Private[Once[ModelInfo]]
    name: str = strawberry.field(description="The name of the model, as its service gives it.")
    is_default: bool = strawberry.field(description="Whether it answers where no other is chosen.")
    is_demo: bool = strawberry.field(
        description="Whether it is the small one that `pybot up` brings along, "
        "good for a demonstration only."
    )

    @field(
        "The number of tokens of context that the model takes; null when its service does not say."
    )
    async def context_window(self) -> int | None:
        return (await self.about.get()).context_window

    @field(
        "Whether its service answers at present and has the model; "
        "false for one that this server no longer names."
    )
    async def available(self) -> bool:
        return (await self.about.get()).available

    @classmethod
    def named(cls, name: str, models: Sequence[ChatModel]) -> "Model":
        """A model by its name; one that is not among the server's `models` is not available.

        The first of these is the default.
        """
        served = next((model for model in models if model.name == name), None)
        gone = ModelInfo(name=name, context_window=None, available=False)
        return cls(
            id=ids.encode("Model", name),
            name=name,
            is_default=served is not None and served is models[0],
            is_demo=name == DEMO_MODEL,
            about=Once(served.info) if served else known(gone),
        )
