"""Sending, writing again and cancelling through the schema."""

from typing import Any

import pytest

from pybot.schema import cursors, ids
from tests.resolvers.conftest import BOB, SEND, Api, service_id

REGENERATE = """
mutation ($input: RegenerateMessageInput!) {
  regenerateMessage(input: $input) {
    message { id status versionIndex }
    run { id status message { id role parent { id } } }
    conversation { id activeRun { id } activeLeaf { id } }
    eventCursor
    errors { __typename path }
  }
}
"""

CANCEL = """
mutation ($id: ID!) {
  cancelRun(input: {runId: $id}) { run { id status completedAt } errors { __typename path } }
}
"""


async def refused(api: Api, mutation: str, **variables: Any) -> list[dict[str, Any]]:
    """The errors of a mutation whose other fields must be null."""
    (payload,) = (await api(mutation, **variables)).values()
    errors: list[dict[str, Any]] = payload.pop("errors")
    assert set(payload.values()) == {None}
    return errors


async def test_message_begins_a_conversation_and_its_run(api: Api) -> None:
    query = """
    mutation ($input: SendMessageInput!) {
      sendMessage(input: $input) {
        message {
          role status text parent { id } run { id }
          parts { __typename index ... on TextPart { text revision } }
        }
        run {
          status phase error { code } usage { promptTokens } completedAt cells { id }
          message { role status text parts { index } parent { text } }
        }
        conversation {
          id title messages { totalCount nodes { role } } activeRun { status } activeLeaf { role }
          kernel { id } eventCursor
        }
        eventCursor
        errors { message }
      }
    }
    """
    target = {"newConversation": {"title": "Sines"}}
    sent = (await api(query, input={"target": target, "text": "Plot *it*"}))["sendMessage"]
    assert sent["errors"] == []
    assert sent["message"] == {
        "role": "USER",
        "status": "COMPLETED",
        "text": "Plot *it*",
        "parent": None,
        "run": None,
        "parts": [{"__typename": "TextPart", "index": 0, "text": "Plot *it*", "revision": 0}],
    }
    answer = sent["run"].pop("message")
    assert sent["run"] == {
        "status": "QUEUED",
        "phase": None,
        "error": None,
        "usage": {"promptTokens": 0},
        "completedAt": None,
        "cells": [],
    }
    assert answer == {
        "role": "ASSISTANT",
        "status": "IN_PROGRESS",
        "text": "",
        "parts": [],
        "parent": {"text": "Plot *it*"},
    }
    conversation = sent["conversation"]
    assert conversation["title"] == "Sines"
    assert conversation["messages"]["totalCount"] == 2
    assert conversation["activeRun"] == {"status": "QUEUED"}
    assert conversation["activeLeaf"] == {"role": "ASSISTANT"}
    assert conversation["kernel"] is None
    log = cursors.log_of(service_id(conversation["id"]))
    before = cursors.decode(log, sent["eventCursor"])
    assert before < cursors.decode(log, conversation["eventCursor"])


async def test_second_message_is_a_conflict_that_names_the_run(api: Api) -> None:
    started = await api.send()
    query = """
    mutation ($id: ID!) {
      sendMessage(input: {target: {conversationId: $id}, text: "And?"}) {
        message { id }
        errors { code ... on ConflictError { activeRun { id status } } }
      }
    }
    """
    payload = (await api(query, id=started.conversation))["sendMessage"]
    assert payload["message"] is None
    assert payload["errors"] == [
        {"code": "CONFLICT", "activeRun": {"id": started.run, "status": "QUEUED"}}
    ]


async def test_repeated_key_sends_once(api: Api) -> None:
    sent: dict[str, Any] = {
        "target": {"newConversation": {}},
        "text": "Plot",
        "idempotencyKey": "k",
    }
    first = await api(SEND, input=sent)
    assert await api(SEND, input=sent) == first
    (error,) = await refused(api, SEND, input={**sent, "text": "Other"})
    assert (error["code"], error["path"]) == ("CONFLICT", ["input", "idempotencyKey"])


@pytest.mark.parametrize(
    ("fields", "kind", "path"),
    [
        ({"text": " \n"}, "InvalidInputError", ["text"]),
        ({"text": "x" * 32_001}, "InvalidInputError", ["text"]),
        ({"idempotencyKey": ""}, "InvalidInputError", ["idempotencyKey"]),
        (
            {"target": {"conversationId": "nonsense"}},
            "NotFoundError",
            ["target", "conversationId"],
        ),
        (
            {"target": {"conversationId": ids.encode("Conversation", "0" * 32)}},
            "NotFoundError",
            ["target", "conversationId"],
        ),
        ({"text": "\u200b\0 \n"}, "InvalidInputError", ["text"]),
        (
            {"target": {"newConversation": {"title": ""}}},
            "InvalidInputError",
            ["target", "newConversation", "title"],
        ),
        (
            {"target": {"newConversation": {"instructions": "x" * 8001}}},
            "InvalidInputError",
            ["target", "newConversation", "instructions"],
        ),
        (
            {"target": {"newConversation": {"modelId": "nonsense"}}},
            "NotFoundError",
            ["target", "newConversation", "modelId"],
        ),
        (
            {"target": {"newConversation": {"modelId": ids.encode("Model", "other")}}},
            "NotFoundError",
            ["target", "newConversation", "modelId"],
        ),
    ],
)
async def test_unfit_values_are_named(
    api: Api, fields: dict[str, Any], kind: str, path: list[str]
) -> None:
    sent: dict[str, Any] = {"target": {"newConversation": {}}, "text": "Plot", **fields}
    (error,) = await refused(api, SEND, input=sent)
    assert (error["__typename"], error["path"]) == (kind, ["input", *path])
    listed = await api("{ viewer { conversations { totalCount } } }")
    assert listed["viewer"]["conversations"]["totalCount"] == 0


async def test_text_is_stored_as_it_was_written_but_for_nuls(api: Api) -> None:
    target = {"newConversation": {"instructions": "Be\0 brief.\n"}}
    written = " \0\u200b\tPlot\n\x1b[1m it 👩\u200d💻 "
    sent = (await api(SEND, input={"target": target, "text": written}))["sendMessage"]
    query = """query ($message: ID!, $conversation: ID!) {
      node(id: $message) { ... on Message { text } }
      conversation(id: $conversation) { instructions }
    }"""
    named = {"message": sent["message"]["id"], "conversation": sent["conversation"]["id"]}
    assert await api(query, **named) == {
        "node": {"text": written.replace("\0", "")},
        "conversation": {"instructions": "Be brief.\n"},
    }


@pytest.mark.parametrize(
    ("target", "place"),
    [
        ({}, []),
        ({"conversationId": None}, ["conversationId"]),
        ({"conversationId": "x", "newConversation": {}}, []),
    ],
)
async def test_target_is_exactly_one(api: Api, target: dict[str, Any], place: list[str]) -> None:
    """`@oneOf` is the endpoint's to check: no resolver sees such a target."""
    variables = {"input": {"target": target, "text": "Plot"}}
    result = await api.schema.execute(SEND, variables, context_value=api.context)
    assert result.errors is not None
    (error,) = result.errors
    assert error.extensions == {
        "code": "BAD_USER_INPUT",
        "argument": ["input", "target", *place],
    }


async def test_cancelled_run_can_be_cancelled_again(api: Api) -> None:
    started = await api.send()
    payload = (await api(CANCEL, id=started.run))["cancelRun"]
    assert payload["errors"] == []
    assert payload["run"]["id"] == started.run
    assert payload["run"]["status"] == "CANCELLED"
    assert payload["run"]["completedAt"] is not None
    assert (await api(CANCEL, id=started.run))["cancelRun"] == payload


async def test_only_ones_own_run_can_be_cancelled(api: Api) -> None:
    started = await api.send()
    for named in (started.run, "nonsense", started.answer):
        (error,) = await refused(api.by(BOB), CANCEL, id=named)
        assert error == {"__typename": "NotFoundError", "path": ["input", "runId"]}
    state = await api(
        "query ($id: ID!) { node(id: $id) { ... on Run { status } } }", id=started.run
    )
    assert state["node"] == {"status": "QUEUED"}


async def test_newest_answer_is_written_again(api: Api) -> None:
    started = await api.send()
    await api(CANCEL, id=started.run)
    payload = (await api(REGENERATE, input={"messageId": started.answer}))["regenerateMessage"]
    assert payload["errors"] == []
    run = payload["run"]
    assert run["id"] != started.run
    assert run["status"] == "QUEUED"
    assert run["message"]["id"] != started.answer
    assert run["message"]["parent"] == {"id": started.question}
    assert payload["message"] == {
        "id": run["message"]["id"],
        "status": "IN_PROGRESS",
        "versionIndex": 1,
    }
    assert payload["conversation"] == {
        "id": started.conversation,
        "activeRun": {"id": run["id"]},
        "activeLeaf": {"id": run["message"]["id"]},
    }
    log = cursors.log_of(service_id(started.conversation))
    assert cursors.decode(log, payload["eventCursor"]) > 0


async def test_messages_cursor_is_that_of_its_edge(api: Api) -> None:
    """Wherever a message comes from, the path can be read on from it."""
    started = await api.send()
    page = "{ edges { cursor node { id cursor } } }"
    query = f"""query ($id: ID!, $after: String, $before: String) {{ conversation(id: $id) {{
      messages {page} behind: messages(after: $after) {page} ahead: messages(before: $before) {page}
    }} }}"""
    sent = (
        await api(
            "query ($id: ID!) { node(id: $id) { ... on Message { cursor } } }", id=started.question
        )
    )["node"]
    given = {"after": sent["cursor"], "before": sent["cursor"]}
    found = (await api(query, id=started.conversation, **given))["conversation"]
    edges = found["messages"]["edges"]
    assert [edge["node"]["id"] for edge in edges] == [started.question, started.answer]
    assert all(edge["cursor"] == edge["node"]["cursor"] for edge in edges)
    assert found["behind"]["edges"] == edges[1:]
    assert found["ahead"]["edges"] == []


async def test_only_ones_own_answer_is_written_again(api: Api) -> None:
    started = await api.send()
    await api(CANCEL, id=started.run)
    missing = ids.encode("Message", f"{service_id(started.conversation)}.{'0' * 32}")
    for viewer, named in ((BOB, started.answer), (api.viewer, missing), (api.viewer, "nonsense")):
        (error,) = await refused(api.by(viewer), REGENERATE, input={"messageId": named})
        assert error == {"__typename": "NotFoundError", "path": ["input", "messageId"]}
