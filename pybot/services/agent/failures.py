"""The outcomes of runs that do not complete, with what they say to a person."""

from pybot.services.agent.ports import Outcome
from pybot.services.kernels.base import KernelEndedByUser
from pybot.services.llm.base import ModelError
from pybot.services.records import RunError, RunErrorCode, RunStatus


class Stopped(Exception):
    """The run ends here, with an outcome that callers are told."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error and outcome.error.message)
        self.outcome = outcome


def failed(code: RunErrorCode, message: str, *, retryable: bool = True) -> Stopped:
    """The run failed."""
    error = RunError(code=code, message=message, retryable=retryable)
    return Stopped(Outcome(status=RunStatus.FAILED, error=error))


def incomplete(code: RunErrorCode, message: str) -> Stopped:
    """The run met a limit; what is there of its answer may be gone on with."""
    error = RunError(code=code, message=message)
    return Stopped(Outcome(status=RunStatus.INCOMPLETE, error=error))


def model_failed(error: ModelError) -> Stopped:
    """The model's service failed."""
    return failed(error.code, error.message, retryable=error.retryable)


def kernel_ended_by_user(ended: KernelEndedByUser) -> Stopped:
    """The user ended the kernel under the code: no fault, and the answer is not whole."""
    message = (
        f"You {ended.action} the kernel while it ran the code. Its variables are lost; "
        "trying again starts from the beginning."
    )
    return incomplete(RunErrorCode.KERNEL_RESTARTED, message)


def no_answer() -> Stopped:
    """The model ended its turn without a word."""
    return failed(RunErrorCode.MODEL_INTERRUPTED, "The model gave no answer. Try again.")


def too_many_steps(most: int) -> Stopped:
    """The model wants to run code once more."""
    message = f"The assistant stopped after running code {most} times. Ask it to go on."
    return incomplete(RunErrorCode.TOO_MANY_STEPS, message)


def too_many_tokens() -> Stopped:
    """The model has written as much as it may."""
    message = "The answer reached its greatest length. Ask for the rest."
    return incomplete(RunErrorCode.TOO_MANY_TOKENS, message)


def repeats_itself() -> Stopped:
    """The model writes the same line over and over."""
    message = "The model went in circles and was stopped. Try again, or ask in other words."
    return incomplete(RunErrorCode.TOO_MANY_TOKENS, message)


def unanswered() -> Stopped:
    """Nobody has decided in time what the run waits for."""
    message = "Nobody answered what the assistant waited for, so it stopped. Ask it to go on."
    return incomplete(RunErrorCode.UNANSWERED, message)


def run_timeout(seconds: float) -> Stopped:
    """The answer has taken as long as it may."""
    message = f"The answer took longer than {seconds:g} seconds and was stopped."
    return incomplete(RunErrorCode.RUN_TIMEOUT, message)
