"""Asking and being answered, over the wire."""

import asyncio
from typing import Any

from tests.client import Api, run_of, text_of
from tests.fixtures.server import Server


async def test_answer_is_streamed_and_stored(server: Server) -> None:
    """What the events said is what a snapshot says afterwards."""
    ann = server.user()
    sent = await ann.send("hello")
    events = await ann.until_ended(sent)
    assert run_of(events)["status"] == "COMPLETED"
    assert text_of(events) == "You said: hello"
    snapshot = await ann.snapshot(sent["conversation"]["id"])
    question, answer = snapshot["messages"]["nodes"]
    assert question["parts"][0]["text"] == "hello"
    assert answer["status"] == "COMPLETED"
    assert answer["parts"][0]["text"] == "You said: hello"
    assert snapshot["activeRun"] is None


async def test_code_is_run_and_its_output_read(server: Server) -> None:
    """The model's code runs in a real kernel, and the model reads what it printed."""
    ann = server.user()
    sent = await ann.send("[[code: print(6 * 7)]] [[answer: It is {output}.]]")
    events = await ann.until_ended(sent)
    assert run_of(events)["status"] == "COMPLETED"
    snapshot = await ann.snapshot(sent["conversation"]["id"])
    parts = snapshot["messages"]["nodes"][-1]["parts"]
    assert [part["__typename"] for part in parts] == ["TextPart", "CellPart", "TextPart"]
    cell = parts[1]["cell"]
    assert (cell["status"], cell["source"]) == ("COMPLETED", "print(6 * 7)")
    assert cell["outputs"][0]["text"] == "42\n"
    assert parts[2]["text"] == "It is 42."
    assert snapshot["kernel"]["status"] == "IDLE"


async def test_variables_survive_between_messages(server: Server) -> None:
    """A conversation has one kernel for all its messages."""
    ann = server.user()
    sent = await ann.send("[[code: x = 20]] [[answer: set]]")
    await ann.until_ended(sent)
    again = await ann.send("[[code: print(x + 1)]] [[answer: ok]]", sent["conversation"]["id"])
    await ann.until_ended(again)
    snapshot = await ann.snapshot(sent["conversation"]["id"])
    cell = snapshot["messages"]["nodes"][-1]["parts"][1]["cell"]
    assert cell["outputs"][0]["text"] == "21\n"


def png_size(data: bytes) -> tuple[int, int]:
    """The width and the height of a PNG."""
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


async def test_plot_arrives_as_a_png(server: Server) -> None:
    """A figure is shown without being asked for, and its bytes are served."""
    ann = server.user()
    sent = await ann.send("[[code: import math\nplt.plot([math.sin(i) for i in range(9)])]]")
    await ann.until_ended(sent)
    snapshot = await ann.snapshot(sent["conversation"]["id"])
    outputs = snapshot["messages"]["nodes"][-1]["parts"][1]["cell"]["outputs"]
    shown = [output for output in outputs if output["__typename"] == "DisplayOutput"]
    png = next(r for r in shown[0]["representations"] if r["mediaType"] == "image/png")
    status, data, headers = await ann.get(png["url"])
    assert status == 200
    assert data.startswith(b"\x89PNG")
    assert len(data) == png["byteSize"]
    query = """query($id: ID!) { node(id: $id) { ... on DisplayOutput {
      representations(accept: ["image/png"]) { width height } } } }"""
    (size,) = (await ann.ask(query, id=shown[0]["id"]))["node"]["representations"]
    assert size == {"width": png_size(data)[0], "height": png_size(data)[1]}
    assert headers["Content-Security-Policy"].startswith("sandbox")
    assert (await server.user("bob").get(png["url"]))[0] == 404


async def test_traceback_is_fed_back_to_the_model(server: Server) -> None:
    """An exception ends the cell FAILED, and the model reads it."""
    ann = server.user()
    sent = await ann.send("[[code: 1 / 0]] [[answer: I saw: {output}]]")
    await ann.until_ended(sent)
    snapshot = await ann.snapshot(sent["conversation"]["id"])
    parts = snapshot["messages"]["nodes"][-1]["parts"]
    assert parts[1]["cell"]["status"] == "FAILED"
    assert parts[1]["cell"]["outputs"][-1]["ename"] == "ZeroDivisionError"
    assert "ZeroDivisionError" in parts[2]["text"]


async def test_message_right_after_the_last_event_is_accepted(server: Server) -> None:
    """A client that has seen the end of a run can send at once, again and again."""
    ann = server.user()
    sent = await ann.send("first")
    conversation = sent["conversation"]["id"]
    for number in range(20):
        await ann.until_ended(sent)
        sent = await ann.send(f"message {number}", conversation)
        assert sent["errors"] == []
    assert run_of(await ann.until_ended(sent))["status"] == "COMPLETED"


async def test_run_goes_on_with_every_client_gone(server: Server) -> None:
    """Nobody has to watch."""
    ann = server.user()
    sent = await ann.send("[[hold: 2]] [[answer: one two three four]]")
    await server.tgi.held()
    server.tgi.release()
    await server.tgi.until(lambda: server.tgi.requests[0].end == "finished")
    assert run_of(await ann.until_ended(sent))["status"] == "COMPLETED"
    snapshot = await ann.snapshot(sent["conversation"]["id"])
    assert snapshot["messages"]["nodes"][-1]["parts"][0]["text"] == "one two three four"


async def test_title_is_made_after_the_first_answer(server: Server) -> None:
    """The model names the conversation; the event says so."""
    ann = server.user()
    await until_titled(ann, await ann.send("hello"), "A scripted title")


async def until_titled(user: Api, sent: Any, title: str) -> None:
    """Follow a conversation until it is called so."""
    async with asyncio.timeout(10):
        async for event in user.events(sent["conversation"]["id"], sent["eventCursor"]):
            if event["__typename"] != "ConversationChangedEvent":
                continue
            if event["conversation"]["title"] == title:
                break


async def test_first_words_are_the_title_until_an_answer_is_whole(server: Server) -> None:
    """What failed is found again in the list; the model still names it later."""
    ann = server.user()
    sent = await ann.send("Plot a wave [[error: 0]]")
    assert run_of(await ann.until_ended(sent))["status"] == "FAILED"
    conversation = sent["conversation"]["id"]
    await until_titled(ann, sent, "Plot a wave [[error: 0]]")
    again = await ann.send("hello", conversation)
    await until_titled(ann, again, "A scripted title")


async def test_title_that_was_taken_back_is_made_again(server: Server) -> None:
    """At once of the first message, and by the model after the next answer."""
    ann = server.user()
    sent = await ann.send("Plot a wave")
    await until_titled(ann, sent, "A scripted title")
    conversation = sent["conversation"]["id"]
    update = """mutation($input: UpdateConversationInput!) {
      updateConversation(input: $input) { conversation { title } errors { message } } }"""
    for given, title in (("Mine", "Mine"), (None, "Plot a wave")):
        change = {"conversationId": conversation, "title": given}
        payload = (await ann.ask(update, input=change))["updateConversation"]
        assert payload == {"conversation": {"title": title}, "errors": []}
    again = await ann.send("hello", conversation)
    await until_titled(ann, again, "A scripted title")


async def test_second_message_meanwhile_is_a_conflict(server: Server) -> None:
    """One run a conversation: the other request changes nothing and names the run."""
    ann = server.user()
    sent = await ann.send("[[hold: 1]] [[answer: one two]]")
    await server.tgi.held()
    refused = await ann.send("again", sent["conversation"]["id"])
    assert refused["errors"][0]["__typename"] == "ConflictError"
    server.tgi.release()
    await ann.until_ended(sent)
    snapshot = await ann.snapshot(sent["conversation"]["id"])
    assert snapshot["messages"]["totalCount"] == 2


async def test_repeated_request_gives_the_first_result(server: Server) -> None:
    """An idempotency key makes one message, in the same and in a new conversation."""
    ann = server.user()
    first = await ann.send("hello", key="k1")
    again = await ann.send("hello", key="k1")
    assert again["message"]["id"] == first["message"]["id"]
    assert again["eventCursor"] == first["eventCursor"]
    other = await ann.send("something else", key="k1")
    assert other["errors"][0]["__typename"] == "ConflictError"
    await ann.until_ended(first)


async def test_regenerated_answer_takes_the_place_of_the_old(server: Server) -> None:
    """The new answer is on a path of its own; the question stays."""
    ann = server.user()
    sent = await ann.send("hello")
    await ann.until_ended(sent)
    conversation = sent["conversation"]["id"]
    before = (await ann.snapshot(conversation))["messages"]["nodes"]
    data = await ann.ask(
        "mutation($id: ID!) { regenerateMessage(input: {messageId: $id}) "
        "{ run { id } eventCursor errors { message } } }",
        id=before[1]["id"],
    )
    cursor = data["regenerateMessage"]["eventCursor"]
    await ann.until_ended({"conversation": {"id": conversation}, "eventCursor": cursor})
    after = (await ann.snapshot(conversation))["messages"]["nodes"]
    assert [message["id"] for message in after] != [message["id"] for message in before]
    assert after[0]["id"] == before[0]["id"]
    assert after[1]["parts"][0]["text"] == "You said: hello"


async def test_integers_of_any_size_keep_their_digits(server: Server) -> None:
    """From the kernel to the client, as JSON's value, as its text and as bytes."""
    number, long = 2**64 + 1, "7" * 5_000
    code = (
        "import sys; sys.set_int_max_str_digits(0)\\n"
        f"display({{'application/json': [{number}, int('7' * 5_000)]}}, raw=True)"
    )
    ann = server.user()
    sent = await ann.send(f"[[code: {code}]] [[answer: ok]]")
    await ann.until_ended(sent)
    query = """query($id: ID!) { conversation(id: $id) { messages(last: 1) { nodes { parts {
      ... on CellPart { cell { outputs { ... on DisplayOutput {
        representations(accept: ["*/*"]) { json text url }
      } } } }
    } } } } }"""
    body = {"query": query, "variables": {"id": sent["conversation"]["id"]}}
    async with ann.http.post(f"{server.url}/graphql", json=body, headers=ann.headers) as response:
        answer = await response.text()
    assert f'"json":[{number},{long}]' in answer
    assert f'"text":"[{number},{long}]"' in answer
    url = answer.partition('"url":"')[2].partition('"')[0]
    assert (await ann.get(url))[1].decode() == f"[{number},{long}]"
