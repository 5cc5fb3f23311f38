"""Interrupting, restarting and shutting down kernels."""

from typing import Annotated

import strawberry

from pybot.context import Info
from pybot.resolvers.payload_errors import PayloadErrors, decode_required
from pybot.schema.fields import given
from pybot.schema.kernel import Kernel
from pybot.schema.kernel_change import (
    InterruptKernelInput,
    InterruptKernelPayload,
    RestartKernelInput,
    RestartKernelPayload,
    ShutdownKernelInput,
    ShutdownKernelPayload,
)
from pybot.schema.scope import scope_with
from pybot.services import records

WHICH = strawberry.argument(description="Which kernel.")


async def interrupt_kernel(
    info: Info, input: Annotated[InterruptKernelInput, WHICH]
) -> InterruptKernelPayload:
    """Interrupt what the kernel runs."""
    with PayloadErrors(named="conversationId") as failed:
        record = await info.context.services.kernels.interrupt(
            info.context.viewer,
            decode_required("Conversation", input.conversation_id, "conversationId"),
        )
        return InterruptKernelPayload(kernel=await _kernel(info, record))
    return InterruptKernelPayload(errors=failed.errors)


async def restart_kernel(
    info: Info, input: Annotated[RestartKernelInput, WHICH]
) -> RestartKernelPayload:
    """Restart the kernel, once for a key."""
    with PayloadErrors(named="conversationId") as failed:
        record = await info.context.services.kernels.restart(
            info.context.viewer,
            decode_required("Conversation", input.conversation_id, "conversationId"),
            idempotency_key=given(input.idempotency_key),
        )
        return RestartKernelPayload(kernel=await _kernel(info, record))
    return RestartKernelPayload(errors=failed.errors)


async def shutdown_kernel(
    info: Info, input: Annotated[ShutdownKernelInput, WHICH]
) -> ShutdownKernelPayload:
    """Shut the kernel down."""
    with PayloadErrors(named="conversationId") as failed:
        record = await info.context.services.kernels.shutdown(
            info.context.viewer,
            decode_required("Conversation", input.conversation_id, "conversationId"),
        )
        return ShutdownKernelPayload(kernel=await _kernel(info, record))
    return ShutdownKernelPayload(errors=failed.errors)


async def _kernel(info: Info, record: records.Kernel) -> Kernel:
    """A kernel in a payload, as the snapshot after the change has it."""
    services, viewer = info.context.services, info.context.viewer
    snapshot = await services.snapshots.open(viewer, record.conversation_id)
    return Kernel.from_record(snapshot.kernel or record, scope_with(info, snapshot))
