"""`schema.graphql` is what is served, and what is served is the contract's, word for word."""

from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLInputObjectType, GraphQLScalarType, GraphQLSchema, build_schema
from graphql.utilities import find_schema_changes

from pybot.schema.sdl import print_sdl

ROOT = Path(__file__).parent.parent

# Types of the contract that later work brings.
MISSING_TYPES = [
    "ActiveRunPolicy",
    "AnswerInputRequestInput",
    "AnswerInputRequestPayload",
    "AnswerQuestionInput",
    "AnswerQuestionPayload",
    "ApprovalScope",
    "ApproveCellInput",
    "ApproveCellPayload",
    "CompletionList",
    "ContextUsage",
    "ConversationFilter",
    "ConversationOrder",
    "ConversationOrderField",
    "CopyShareInput",
    "CopySharePayload",
    "CreateFileUploadInput",
    "CreateFileUploadPayload",
    "DeleteFilesInput",
    "DeleteFilesPayload",
    "EditMessageInput",
    "EditMessagePayload",
    "ExecutionPolicy",
    "ExistingFile",
    "ExportFormat",
    "Feedback",
    "FeedbackRating",
    "File",
    "FileConnection",
    "FileEdge",
    "FileOrigin",
    "FilePreview",
    "FileSource",
    "FileUpload",
    "FilesChangedEvent",
    "GenerationOptionsInput",
    "HttpHeader",
    "ImportConversationInput",
    "ImportConversationPayload",
    "InputRequest",
    "KernelRestore",
    "ModelCapability",
    "OrderDirection",
    "PartChangedEvent",
    "PreviewStatus",
    "Question",
    "QuestionPart",
    "QueueChangedEvent",
    "QueueEntry",
    "QueuedMessage",
    "RejectCellInput",
    "RejectCellPayload",
    "RemoveQueuedMessageInput",
    "RemoveQueuedMessagePayload",
    "RestoreDifference",
    "RestoreKernelInput",
    "RestoreKernelPayload",
    "RestoreStatus",
    "ResumeQueueInput",
    "ResumeQueuePayload",
    "RunCellInput",
    "RunCellPayload",
    "SearchBackend",
    "SearchHit",
    "SearchHitConnection",
    "SearchHitEdge",
    "SearchScope",
    "SelectMessageVersionInput",
    "SelectMessageVersionPayload",
    "SetMessageFeedbackInput",
    "SetMessageFeedbackPayload",
    "Share",
    "ShareConversationInput",
    "ShareConversationPayload",
    "SharedCellPart",
    "SharedFile",
    "SharedMessage",
    "SharedMessageConnection",
    "SharedMessageEdge",
    "SharedPart",
    "SharedTextPart",
    "SnippetSegment",
    "StorageUsage",
    "SummaryPart",
    "TableColumn",
    "TablePage",
    "ToolCall",
    "ToolCallPart",
    "ToolCallStatus",
    "UnshareConversationInput",
    "UnshareConversationPayload",
    "UpdateQueuedMessageInput",
    "UpdateQueuedMessagePayload",
    "Variable",
    "VariablePage",
]

# Fields of served types that later work brings.
MISSING_FIELDS = [
    "Cell.inputRequest",
    "Cell.originalSource",
    "Cell.rejectionReason",
    "Conversation.archive",
    "Conversation.autoRestore",
    "Conversation.context",
    "Conversation.download",
    "Conversation.executionPolicy",
    "Conversation.files",
    "Conversation.queuePaused",
    "Conversation.queuedMessages",
    "Conversation.share",
    "Conversation.storage",
    "CreateConversationInput.executionPolicy",
    "Kernel.completions",
    "Kernel.inspection",
    "Kernel.matchesPath",
    "Kernel.memoryBytes",
    "Kernel.restorable",
    "Kernel.restore",
    "Kernel.table",
    "Kernel.variables",
    "Limits.maxAttachments",
    "Limits.maxConversationFiles",
    "Limits.maxConversationStorage",
    "Limits.maxFolderDepth",
    "Limits.maxKernels",
    "Limits.maxQueuedMessages",
    "Limits.maxSourceLength",
    "Message.attachments",
    "Message.feedback",
    "MessageTarget.parentMessageId",
    "Model.capabilities",
    "Mutation.answerInputRequest",
    "Mutation.answerQuestion",
    "Mutation.approveCell",
    "Mutation.copyShare",
    "Mutation.createFileUpload",
    "Mutation.deleteFiles",
    "Mutation.editMessage",
    "Mutation.importConversation",
    "Mutation.rejectCell",
    "Mutation.removeQueuedMessage",
    "Mutation.restoreKernel",
    "Mutation.resumeQueue",
    "Mutation.runCell",
    "Mutation.selectMessageVersion",
    "Mutation.setMessageFeedback",
    "Mutation.shareConversation",
    "Mutation.unshareConversation",
    "Mutation.updateQueuedMessage",
    "NewConversationInput.executionPolicy",
    "Query.share",
    "RegenerateMessageInput.options",
    "SendMessageInput.attachmentIds",
    "SendMessageInput.onActiveRun",
    "SendMessageInput.options",
    "SendMessagePayload.queuedMessage",
    "Server.search",
    "UpdateConversationInput.autoRestore",
    "UpdateConversationInput.executionPolicy",
    "Viewer.search",
    "Viewer.storage",
]

MISSING_ARGUMENTS = [
    "Conversation.messages(through:)",
    "Viewer.conversations(filter:)",
    "Viewer.conversations(orderBy:)",
]

MISSING_VALUES = [
    "RunErrorCode.MODEL_NOT_FOUND",
    "RunErrorCode.STORAGE_FULL",
    "RunPhase.AWAITING_ANSWER",
    "RunPhase.CALLING_TOOL",
]


@pytest.fixture(scope="module")
def served_text() -> str:
    return print_sdl()


@pytest.fixture(scope="module")
def served(served_text: str) -> GraphQLSchema:
    return build_schema(served_text)


@pytest.fixture(scope="module")
def contract() -> GraphQLSchema:
    return build_schema((ROOT / "tests" / "contract.graphql").read_text())


def test_schema_file_is_what_is_served(served_text: str) -> None:
    """After a change: `pybot schema > schema.graphql`."""
    assert (ROOT / "schema.graphql").read_text() == served_text


def test_served_schema_differs_from_contract_by_what_is_missing_only(
    contract: GraphQLSchema, served: GraphQLSchema
) -> None:
    """Nullability, defaults, interfaces and enum values are the contract's."""
    found = sorted(change.description for change in find_schema_changes(contract, served))
    expected = [f"{name} was removed." for name in MISSING_TYPES]
    expected += [f"Field {name} was removed." for name in MISSING_FIELDS]
    expected += [f"Argument {name} was removed." for name in MISSING_ARGUMENTS]
    expected += [f"Enum value {name} was removed." for name in MISSING_VALUES]
    assert found == sorted(expected)


def test_descriptions_are_the_contracts(contract: GraphQLSchema, served: GraphQLSchema) -> None:
    expected = descriptions(contract)
    found = descriptions(served)
    assert {place: text for place, text in found.items() if text != expected[place]} == {}
    assert all(text for text in found.values())


def test_directives_on_types_are_the_contracts(
    contract: GraphQLSchema, served: GraphQLSchema
) -> None:
    """`@oneOf` and `@specifiedBy`, which a search for changes does not see."""
    inputs = [t for t in served.type_map.values() if isinstance(t, GraphQLInputObjectType)]
    one_of = {t.name for t in inputs if t.is_one_of}
    assert one_of == {"MessageTarget"}
    for scalar in ("DateTime", "JSON", "URL"):
        found, expected = served.type_map[scalar], contract.type_map[scalar]
        assert isinstance(found, GraphQLScalarType)
        assert isinstance(expected, GraphQLScalarType)
        assert found.specified_by_url == expected.specified_by_url


def descriptions(schema: GraphQLSchema) -> dict[str, str | None]:
    """Every description, by its place: `Type`, `Type.field`, `Type.field(argument)`."""
    found: dict[str, str | None] = {"": schema.description}
    builtin = {"String", "Int", "Float", "Boolean", "ID"}
    for name, kind in schema.type_map.items():
        if name.startswith("__") or name in builtin:
            continue
        found[name] = kind.description
        for member, value in members(kind).items():
            found[f"{name}.{member}"] = value.description
            for argument, detail in getattr(value, "args", {}).items():
                found[f"{name}.{member}({argument})"] = detail.description
    return found


def members(kind: object) -> dict[str, Any]:
    """The fields of a type, or the values of an enum."""
    return dict(getattr(kind, "fields", None) or getattr(kind, "values", None) or {})
