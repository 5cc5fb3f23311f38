"""The outcomes of runs that are not completed, with a message for the user."""

from pybot.services.agent.ports import Outcome
from pybot.services.kernels.base import KernelEndedByUser
from pybot.services.llm.base import ModelError
from pybot.services.records import RunError, RunErrorCode, RunStatus


class RunNotCompleted(Exception):
    """Ends the run with an outcome that is FAILED or INCOMPLETE."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error and outcome.error.message)
        self.outcome = outcome


def failed(code: RunErrorCode, message: str, *, retryable: bool = True) -> RunNotCompleted:
    """The run failed."""
    error = RunError(code=code, message=message, retryable=retryable)
    return RunNotCompleted(Outcome(status=RunStatus.FAILED, error=error))


def incomplete(code: RunErrorCode, message: str) -> RunNotCompleted:
    """The run met a limit; the user may ask to go on."""
    error = RunError(code=code, message=message)
    return RunNotCompleted(Outcome(status=RunStatus.INCOMPLETE, error=error))


def model_failed(error: ModelError) -> RunNotCompleted:
    """The model's service failed."""
    return failed(error.code, error.message, retryable=error.retryable)


def kernel_ended_by_user(ended: KernelEndedByUser) -> RunNotCompleted:
    """The user ended the kernel while it ran code: no failure, but the answer is incomplete."""
    message = (
        f"You {ended.action} the kernel while it ran the code. Its variables are lost; "
        "trying again starts from the beginning."
    )
    return incomplete(RunErrorCode.KERNEL_RESTARTED, message)


def no_answer() -> RunNotCompleted:
    """The model ended its turn without any text."""
    return failed(RunErrorCode.MODEL_INTERRUPTED, "The model gave no answer. Try again.")


def too_many_steps(most: int) -> RunNotCompleted:
    """The model wants to run code once more."""
    message = f"The assistant stopped after running code {most} times. Ask it to go on."
    return incomplete(RunErrorCode.TOO_MANY_STEPS, message)


def too_many_tokens() -> RunNotCompleted:
    """The model has written as much as it may."""
    message = "The answer reached its greatest length. Ask for the rest."
    return incomplete(RunErrorCode.TOO_MANY_TOKENS, message)


def repeats_itself() -> RunNotCompleted:
    """The model writes the same line over and over."""
    message = "The model went in circles and was stopped. Try again, or ask in other words."
    return incomplete(RunErrorCode.TOO_MANY_TOKENS, message)


def unanswered() -> RunNotCompleted:
    """No decision that the run waited for came in time."""
    message = "Nobody answered what the assistant waited for, so it stopped. Ask it to go on."
    return incomplete(RunErrorCode.UNANSWERED, message)


def run_timeout(seconds: float) -> RunNotCompleted:
    """The answer has taken as long as it may."""
    message = f"The answer took longer than {seconds:g} seconds and was stopped."
    return incomplete(RunErrorCode.RUN_TIMEOUT, message)
