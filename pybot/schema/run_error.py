"""Why a run failed."""

from enum import Enum

import strawberry

from pybot.services import records


@strawberry.enum(description="Why a run failed.")
class RunErrorCode(Enum):
    """Codes that do not change between releases."""

    MODEL_UNAVAILABLE = strawberry.enum_value(
        "MODEL_UNAVAILABLE", description="The model's service cannot be reached or refuses."
    )
    MODEL_BUSY = strawberry.enum_value(
        "MODEL_BUSY", description="The model's service stayed too busy."
    )
    MODEL_INTERRUPTED = strawberry.enum_value(
        "MODEL_INTERRUPTED",
        description="The model stopped in the middle: its service broke off or fell silent.",
    )
    CONTEXT_TOO_LONG = strawberry.enum_value(
        "CONTEXT_TOO_LONG", description="The conversation is longer than the model takes."
    )
    KERNEL_UNAVAILABLE = strawberry.enum_value(
        "KERNEL_UNAVAILABLE", description="No kernel could be started."
    )
    KERNEL_DIED = strawberry.enum_value(
        "KERNEL_DIED", description="The kernel died while code was running."
    )
    KERNEL_RESTARTED = strawberry.enum_value(
        "KERNEL_RESTARTED",
        description="The user restarted the kernel, or shut it down, while code was running.",
    )
    EXECUTION_TIMEOUT = strawberry.enum_value(
        "EXECUTION_TIMEOUT", description="The code ran longer than allowed."
    )
    TOO_MANY_STEPS = strawberry.enum_value(
        "TOO_MANY_STEPS",
        description="The assistant ran code more often than allowed in one answer.",
    )
    TOO_MANY_TOKENS = strawberry.enum_value(
        "TOO_MANY_TOKENS", description="The answer is longer than allowed."
    )
    RUN_TIMEOUT = strawberry.enum_value(
        "RUN_TIMEOUT", description="The run took longer than allowed."
    )
    WORKER_LOST = strawberry.enum_value(
        "WORKER_LOST",
        description="The server that did the run was lost, and it could not be taken up again.",
    )
    UNANSWERED = strawberry.enum_value(
        "UNANSWERED", description="Nobody answered what the run waited for."
    )
    INTERNAL = strawberry.enum_value("INTERNAL", description="Pybot itself failed.")


@strawberry.type(description="Why a run failed.")
class RunError:
    """What ended a run early, for a person and for a program."""

    code: RunErrorCode = strawberry.field(
        description="A code that does not change between releases."
    )
    message: str = strawberry.field(description="What went wrong, for a person to read.")
    retryable: bool = strawberry.field(description="Whether the same request may succeed later.")

    @classmethod
    def from_record(cls, record: records.RunError) -> "RunError":
        """An error as its record has it."""
        return cls(
            code=RunErrorCode[record.code.name],
            message=record.message,
            retryable=record.retryable,
        )
