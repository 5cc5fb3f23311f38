"""The records that services take and return: immutable, stored as JSON, without GraphQL."""

from pybot.services.records.cell import Cell, CellStatus
from pybot.services.records.conversation import Branch, Conversation
from pybot.services.records.ids import conversation_of, new_id
from pybot.services.records.kernel import Kernel, KernelStatus
from pybot.services.records.message import Message, MessageRole, MessageStatus
from pybot.services.records.output import (
    DisplayOutput,
    ErrorOutput,
    Output,
    Representation,
    ResultOutput,
    StreamName,
    StreamOutput,
)
from pybot.services.records.part import CellPart, ErrorPart, Part, TextPart, joined_text
from pybot.services.records.run import Run, RunError, RunErrorCode, RunPhase, RunStatus, TokenUsage
from pybot.services.records.usage import ModelUsage, RunUsage, by_model
from pybot.services.records.viewer import Viewer

__all__ = [
    "Branch",
    "Cell",
    "CellPart",
    "CellStatus",
    "Conversation",
    "DisplayOutput",
    "ErrorOutput",
    "ErrorPart",
    "Kernel",
    "KernelStatus",
    "Message",
    "MessageRole",
    "MessageStatus",
    "ModelUsage",
    "Output",
    "Part",
    "Representation",
    "ResultOutput",
    "Run",
    "RunError",
    "RunErrorCode",
    "RunPhase",
    "RunStatus",
    "RunUsage",
    "StreamName",
    "StreamOutput",
    "TextPart",
    "TokenUsage",
    "Viewer",
    "by_model",
    "conversation_of",
    "joined_text",
    "new_id",
]
