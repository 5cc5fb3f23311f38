"""The adapter that the settings name."""

from pybot.config import LlmSettings
from pybot.services.llm.base import ChatModel
from pybot.services.llm.chat import ChatCompletionsModel
from pybot.services.llm.tgi import TgiModel


def model_of(settings: LlmSettings) -> ChatModel:
    """The model behind `LLM__URL`, by the interface that `LLM__API` names."""
    match settings.api:
        case "tgi":
            return TgiModel(settings)
        case "openai":
            return ChatCompletionsModel(settings)
