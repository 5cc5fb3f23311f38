"""Reading objects through the schema, by name and by ID, and nothing of anybody else's."""

from typing import Any

from pybot import __version__
from pybot.schema import ids
from pybot.services.container import Services
from pybot.services.records import (
    Cell,
    CellStatus,
    DisplayOutput,
    ErrorOutput,
    Kernel,
    KernelStatus,
    Output,
    Representation,
    ResultOutput,
    StreamName,
    StreamOutput,
)
from pybot.services.records.events import CellChanged, OutputChanged, TextDelta
from pybot.services.store import keys
from tests.resolvers.conftest import ALICE, BOB, Api, Started, service_id

OUTPUTS: tuple[Output, ...] = (
    StreamOutput(index=0, name=StreamName.STDOUT, text="1\n"),
    DisplayOutput(
        index=1,
        display_id="d",
        representations=(
            Representation(media_type="image/png", byte_size=9, blob="ab" * 16),
            Representation(media_type="text/plain", byte_size=6, text="Figure"),
        ),
    ),
    ResultOutput(
        index=2,
        execution_count=4,
        representations=(Representation(media_type="application/json", byte_size=3, text="[1]"),),
    ),
    ErrorOutput(index=3, ename="ValueError", evalue="no", traceback=("a", "b"), truncated=True),
)


async def with_cell(api: Api) -> tuple[Started, str]:
    """A run that has written a text and runs a cell; and the cell's service ID."""
    started = await api.send()
    message_id, run_id = service_id(started.answer), service_id(started.run)
    cell = Cell(id=f"{message_id}.1", run_id=run_id, source="1/0", status=CellStatus.RUNNING)
    await api.emit(
        TextDelta(message_id, 0, 0, 0, "See:"),
        CellChanged(cell),
        *(OutputChanged(cell.id, 0, output) for output in OUTPUTS),
        to=started.conversation,
    )
    return started, cell.id


async def test_viewer_is_who_asks(api: Api) -> None:
    query = "{ viewer { id username email displayName } }"
    assert (await api(query))["viewer"] == {
        "id": ids.encode("Viewer", ALICE.key),
        "username": "alice",
        "email": "alice@example.org",
        "displayName": "Alice",
    }
    bob = (await api.by(BOB)(query))["viewer"]
    assert (bob["email"], bob["displayName"]) == (None, "bob")


async def test_server_says_what_it_allows(api: Api) -> None:
    query = """
    { server { version models { id name contextWindow available isDefault isDemo } limits {
        maxMessageLength maxFileSize maxOutputLength maxConcurrentRuns eventRetentionSeconds
        maxQueryCost maxTitleLength maxInstructionsLength maxStorage maxWaitingRuns } } }
    """
    server = (await api(query))["server"]
    limits = api.services.settings.limits
    assert server["version"] == __version__
    assert server["models"] == [
        {
            "id": ids.encode("Model", "scripted"),
            "name": "scripted",
            "contextWindow": None,
            "available": False,
            "isDefault": True,
            "isDemo": False,
        }
    ]
    assert server["limits"] == {
        "maxMessageLength": limits.max_message_length,
        "maxFileSize": limits.max_file_size,
        "maxOutputLength": limits.max_output_length,
        "maxConcurrentRuns": limits.max_concurrent_runs,
        "eventRetentionSeconds": limits.event_retention,
        "maxQueryCost": limits.max_query_cost,
        "maxTitleLength": 200,
        "maxInstructionsLength": 8_000,
        "maxStorage": limits.max_storage,
        "maxWaitingRuns": limits.max_waiting_runs,
    }


async def test_message_in_progress_is_readable_with_its_outputs(api: Api) -> None:
    started, cell_id = await with_cell(api)
    query = """
    query ($id: ID!) {
      conversation(id: $id) {
        messages(last: 1) { nodes { text parts { __typename index
          ... on TextPart { text }
          ... on CellPart { cell { id source status author language revision
            run { id } message { id } conversation { id }
            outputs { __typename id index truncated download { url filename mediaType }
              ... on StreamOutput { name text }
              ... on DisplayOutput { displayId representations { mediaType text json url } }
              ... on ResultOutput { executionCount representations { text json } }
              ... on ErrorOutput { ename evalue traceback }
            } } }
        } } }
      }
    }
    """
    conversation = (await api(query, id=started.conversation))["conversation"]
    (message,) = conversation["messages"]["nodes"]
    assert message["text"] == "See:"
    text, part = message["parts"]
    assert text == {"__typename": "TextPart", "index": 0, "text": "See:"}
    cell = part["cell"]
    outputs = cell.pop("outputs")
    assert cell == {
        "id": ids.encode("Cell", cell_id),
        "source": "1/0",
        "status": "RUNNING",
        "author": "ASSISTANT",
        "language": "python",
        "revision": 0,
        "run": {"id": started.run},
        "message": {"id": started.answer},
        "conversation": {"id": started.conversation},
    }
    assert [output["__typename"] for output in outputs] == [
        "StreamOutput",
        "DisplayOutput",
        "ResultOutput",
        "ErrorOutput",
    ]
    assert [output["id"] for output in outputs] == [
        ids.encode("Output", f"{cell_id}.{index}") for index in range(4)
    ]
    stream, display, result, error = outputs
    assert stream["download"] == {
        "url": f"/outputs/{cell_id}.0",
        "filename": "stdout.txt",
        "mediaType": "text/plain",
    }
    picture = f"/outputs/{cell_id}.1?type=image%2Fpng&v={'ab' * 8}"
    assert display["download"] == {
        "url": picture,
        "filename": "output-1.png",
        "mediaType": "image/png",
    }
    assert display["representations"][0] == {
        "mediaType": "image/png",
        "text": None,
        "json": None,
        "url": picture,
    }
    assert result["representations"] == [{"text": "[1]", "json": [1]}]
    assert (error["traceback"], error["truncated"]) == (["a", "b"], True)


async def test_accept_picks_representations(api: Api) -> None:
    _, cell_id = await with_cell(api)
    query = """
    query ($id: ID!, $accept: [String!]) {
      node(id: $id) { ... on DisplayOutput { representations(accept: $accept) { mediaType } } }
    }
    """

    async def types(**variables: Any) -> list[str]:
        data = await api(query, id=ids.encode("Output", f"{cell_id}.1"), **variables)
        return [item["mediaType"] for item in data["node"]["representations"]]

    assert await types() == ["image/png", "text/plain"]
    assert await types(accept=None) == ["image/png", "text/plain"]
    assert await types(accept=["text/*", "image/png"]) == ["text/plain", "image/png"]
    assert await types(accept=[]) == []


async def all_ids(api: Api) -> dict[str, str]:
    """The global ID of an object of each kind that is Alice's, by its type."""
    started, cell_id = await with_cell(api)
    conversation_id = service_id(started.conversation)

    def running(_: Kernel | None) -> Kernel:
        return Kernel(
            conversation_id=conversation_id, status=KernelStatus.IDLE, generation=1, kernel_id="k"
        )

    await api.services.kernels.records.change(conversation_id, running)
    return {
        "Viewer": ids.encode("Viewer", ALICE.key),
        "Conversation": started.conversation,
        "Message": started.answer,
        "Run": started.run,
        "Cell": ids.encode("Cell", cell_id),
        "StreamOutput": ids.encode("Output", f"{cell_id}.0"),
        "ErrorOutput": ids.encode("Output", f"{cell_id}.3"),
        "Kernel": ids.encode("Kernel", conversation_id),
    }


async def test_every_object_is_found_by_its_id_and_only_by_its_owner(api: Api) -> None:
    named = await all_ids(api)
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    found = (await api(query, ids=list(named.values())))["nodes"]
    assert found == [{"__typename": kind, "id": each} for kind, each in named.items()]
    hidden = (await api.by(BOB)(query, ids=list(named.values())))["nodes"]
    assert hidden == [None] * len(named)
    for each in named.values():
        one = await api.by(BOB)("query ($id: ID!) { node(id: $id) { id } }", id=each)
        assert one == {"node": None}
    model = {"__typename": "Model", "id": ids.encode("Model", "scripted")}
    assert (await api.by(BOB)(query, ids=[model["id"]]))["nodes"] == [model]


async def test_ids_that_name_nothing_are_null_in_their_place(api: Api) -> None:
    conversation = await api.create()
    inside = service_id(conversation)
    named = [
        "nonsense",
        ids.encode("Conversation", "0" * 32),
        conversation,
        ids.encode("Message", f"{inside}.{'0' * 32}"),
        ids.encode("Run", f"{inside}.{'0' * 32}"),
        ids.encode("Cell", f"{inside}.{'0' * 32}.0"),
        ids.encode("Output", f"{inside}.{'0' * 32}.0.0"),
        ids.encode("Kernel", inside),
        ids.encode("Model", "other"),
    ]
    found = (await api("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=named))["nodes"]
    assert found == [None, None, {"id": conversation}, *[None] * 6]


async def test_a_hundred_nodes_at_most(api: Api) -> None:
    codes = await api.codes(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename } }", ids=["x"] * 101
    )
    assert codes == ["BAD_USER_INPUT"]


async def test_conversation_is_null_for_what_is_none_of_the_viewers(api: Api) -> None:
    conversation = await api.create(title="Mine")
    query = "query ($id: ID!) { conversation(id: $id) { title } }"
    assert await api(query, id=conversation) == {"conversation": {"title": "Mine"}}
    for viewer, named in (
        (BOB, conversation),
        (ALICE, "nonsense"),
        (ALICE, ids.encode("Kernel", service_id(conversation))),
    ):
        assert await api.by(viewer)(query, id=named) == {"conversation": None}


async def test_model_that_the_server_has_no_more_is_unavailable(
    api: Api, services: Services
) -> None:
    conversation_id = service_id(await api.create())
    await services.client.hset(keys.conversation(conversation_id), "model", "retired")
    data = await api(
        "query ($id: ID!) { conversation(id: $id) { model { name available contextWindow } } }",
        id=ids.encode("Conversation", conversation_id),
    )
    model = {"name": "retired", "available": False, "contextWindow": None}
    assert data["conversation"]["model"] == model
