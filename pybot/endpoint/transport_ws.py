"""The protocol graphql-transport-ws, on Strawberry's handler.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from graphql import GraphQLError

from pybot.endpoint.client_messages import message_problem
from pybot.endpoint.fairness import Fairness
from pybot.endpoint.masking import masked
from pybot.endpoint.surrogates import lone_surrogate_error
from pybot.endpoint.upstream_strawberry import (
    CompleteMessage,
    Message,
    Operation,
    PreExecutionError,
    TransportWSHandler,
    WebSocketDisconnected,
)

if TYPE_CHECKING:
    from strawberry.types import ExecutionResult

LIMIT_EXCEEDED = "LIMIT_EXCEEDED"


class TransportHandler(TransportWSHandler[Any, None]):
    """One socket: what is malformed closes it (4400), what fails ends its operation only."""

    async def handle_message(self, message: Message) -> None:
        """Act on one message, whatever it is."""
        if reason := message_problem(message):
            await self.handle_invalid_message(reason)
        elif message["type"] == "connection_init" and message.get("payload") is None:
            await self.handle_connection_init({"type": "connection_init"})
        elif message["type"] == "subscribe" and self._is_full(message["id"]):
            most = self.max_subscriptions_per_connection
            text = f"A socket has at most {most} operations at once."
            error = GraphQLError(text, extensions={"code": LIMIT_EXCEEDED})
            payload = [error.formatted]
            await self.send_message({"id": message["id"], "type": "error", "payload": payload})
        else:
            await super().handle_message(message)

    async def run_operation(self, operation: Operation[Any, None]) -> None:
        """Send an operation's results; it ends with `complete`, or with `error`."""
        try:
            await self._send_results(operation)
        except WebSocketDisconnected:
            return
        except Exception as error:
            bug = GraphQLError(str(error), original_error=error)
            await self._send_errors(operation, [masked(bug)])

    async def _send_results(self, operation: Operation[Any, None]) -> None:
        if error := lone_surrogate_error(
            operation.query, operation.operation_name, operation.variables
        ):
            await self._send_errors(operation, [error])
            return
        results = await self.schema.stream(
            operation.query,
            variable_values=operation.variables,
            context_value=self.context,
            root_value=self.root_value,
            operation_name=operation.operation_name,
        )
        async with aclosing(results):
            fairness = Fairness()
            async for result in results:
                if isinstance(result, PreExecutionError):
                    await self._send_errors(operation, result.errors or [])
                    return
                await operation.send_next(cast("ExecutionResult", result))
                await fairness.after_result()
        await operation.send_operation_message(CompleteMessage(id=operation.id, type="complete"))

    async def _send_errors(
        self, operation: Operation[Any, None], errors: list[GraphQLError]
    ) -> None:
        try:
            await operation.send_initial_errors(errors)
        except WebSocketDisconnected:
            return

    def _is_full(self, operation_id: str) -> bool:
        # An ID in use and a subscription before the acknowledgement close the socket instead.
        return (
            self.connection_acknowledged
            and operation_id not in self.operations
            and self.max_subscriptions_per_connection is not None
            and len(self.operations) >= self.max_subscriptions_per_connection
        )
