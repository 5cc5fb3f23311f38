"""The typed ends of a run that does not complete, with what they say to a person."""

from pybot.services.kernels.base import KernelEndedByUser
from pybot.services.llm.base import ModelError
from pybot.services.records import RunError, RunErrorCode, RunStatus


class Stopped(Exception):
    """The run ends here, in a way that callers are told."""

    def __init__(self, status: RunStatus, code: RunErrorCode, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = RunError(code=code, message=message)


def failed(code: RunErrorCode, message: str) -> Stopped:
    """The run failed."""
    return Stopped(RunStatus.FAILED, code, message)


def model_failed(error: ModelError) -> Stopped:
    """The model's service failed."""
    stopped = failed(error.code, error.message)
    stopped.error = RunError(code=error.code, message=error.message, retryable=error.retryable)
    return stopped


def kernel_ended_by_user(ended: KernelEndedByUser) -> Stopped:
    """The user ended the kernel under the code: no fault, and the answer is not whole."""
    message = (
        f"You {ended.action} the kernel while it ran the code. Its variables are lost; "
        "trying again starts from the beginning."
    )
    return Stopped(RunStatus.INCOMPLETE, RunErrorCode.KERNEL_RESTARTED, message)


def no_answer() -> Stopped:
    """The model ended its turn without a word."""
    return failed(RunErrorCode.MODEL_INTERRUPTED, "The model gave no answer. Try again.")


def too_many_steps(most: int) -> Stopped:
    """The model wants to run code once more."""
    message = f"The assistant stopped after running code {most} times. Ask it to go on."
    return Stopped(RunStatus.INCOMPLETE, RunErrorCode.TOO_MANY_STEPS, message)


def too_many_tokens() -> Stopped:
    """The model has written as much as it may."""
    message = "The answer reached its greatest length. Ask for the rest."
    return Stopped(RunStatus.INCOMPLETE, RunErrorCode.TOO_MANY_TOKENS, message)


def repeats_itself() -> Stopped:
    """The model writes the same line over and over."""
    message = "The model went in circles and was stopped. Try again, or ask in other words."
    return Stopped(RunStatus.INCOMPLETE, RunErrorCode.TOO_MANY_TOKENS, message)


def run_timeout(seconds: float) -> Stopped:
    """The answer has taken as long as it may."""
    message = f"The answer took longer than {seconds:g} seconds and was stopped."
    return Stopped(RunStatus.INCOMPLETE, RunErrorCode.RUN_TIMEOUT, message)
