"""What can go wrong with a model's service, as ModelError: the same words for all adapters."""

from pybot.services.llm.base import ModelError
from pybot.services.records import RunErrorCode

QUOTED = 500  # most characters of a service's own words


def unreachable() -> ModelError:
    """Nothing answers at `LLM__URL`."""
    return ModelError(
        RunErrorCode.MODEL_UNAVAILABLE,
        "The language model cannot be reached. Try again; if that does not help, `pybot doctor` "
        "says what is wrong.",
    )


def busy() -> ModelError:
    """The service has too much to do, or is not ready yet."""
    return ModelError(RunErrorCode.MODEL_BUSY, "The language model is busy. Try again soon.")


def too_long(message: str) -> ModelError:
    """The prompt does not fit into the model's context."""
    return ModelError(
        RunErrorCode.CONTEXT_TOO_LONG,
        f"The conversation is too long for the model: {message[:QUOTED]}",
        retryable=False,
    )


def interrupted(message: str) -> ModelError:
    """A response that broke off."""
    return ModelError(RunErrorCode.MODEL_INTERRUPTED, message)


def stalled(seconds: float) -> ModelError:
    """A service that sent nothing for `seconds`."""
    return interrupted(f"The answer broke off: the model was silent for {seconds:g} s.")


def ended_early() -> ModelError:
    """A stream without its last event."""
    return interrupted("The answer broke off: the model's service ended it too early.")


def unreadable() -> ModelError:
    """A stream, or an event in it, that cannot be read."""
    return interrupted("The answer broke off: the model's service sent garbage.")
