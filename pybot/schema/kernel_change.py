"""Inputs and payloads of the mutations of kernels."""

import strawberry
from strawberry import UNSET

from pybot.schema.errors import UserError
from pybot.schema.kernel import Kernel


@strawberry.input(description="Which kernel.")
class InterruptKernelInput:
    """A conversation's kernel."""

    conversation_id: strawberry.ID = strawberry.field(
        description="The conversation whose kernel it is."
    )


@strawberry.type(description="The kernel.")
class InterruptKernelPayload:
    """The result of `interruptKernel`."""

    kernel: Kernel | None = strawberry.field(
        default=None, description="The kernel; null with errors."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list[UserError],
        description="What is wrong with the request; empty when it was carried out.",
    )


@strawberry.input(description="Which kernel.")
class RestartKernelInput:
    """A conversation's kernel."""

    conversation_id: strawberry.ID = strawberry.field(
        description="The conversation whose kernel it is."
    )
    idempotency_key: str | None = strawberry.field(
        default=UNSET, description="Any string of the caller's, as in `SendMessageInput`."
    )


@strawberry.type(description="The kernel.")
class RestartKernelPayload:
    """The result of `restartKernel`."""

    kernel: Kernel | None = strawberry.field(
        default=None, description="The kernel; null with errors."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list[UserError],
        description="What is wrong with the request; empty when it was carried out.",
    )


@strawberry.input(description="Which kernel.")
class ShutdownKernelInput:
    """A conversation's kernel."""

    conversation_id: strawberry.ID = strawberry.field(
        description="The conversation whose kernel it is."
    )


@strawberry.type(description="The kernel, STOPPED.")
class ShutdownKernelPayload:
    """The result of `shutdownKernel`."""

    kernel: Kernel | None = strawberry.field(
        default=None, description="The kernel; null with errors."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list[UserError],
        description="What is wrong with the request; empty when it was carried out.",
    )
