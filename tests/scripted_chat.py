"""A real HTTP server that speaks chat completions as TGI, vLLM, Ollama or llama.cpp does.

It does what the newest question tells it, as `tests/tgi_script.py` says; the shapes on the wire are
in `tests/chat_shapes.py`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests import chat_shapes
from tests.chat_shapes import Dialect, Refusal
from tests.scripted_tgi import ScriptedTGI
from tests.tgi_received import Received
from tests.tgi_script import Plan, pieces, plan
from tests.tgi_wire import cut_at_stop


@dataclass
class ReceivedChat(Received):
    """A request for chat completions."""

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Role and text of each message."""
        return [(each["role"], each["content"]) for each in self.body["messages"]]

    @property
    def prompt(self) -> str:
        """The messages as a chat template puts them together."""
        return "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in self.turns)

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The generation parameters, among the other fields."""
        return self.body


@dataclass
class ScriptedChat(ScriptedTGI):
    """The server, for as long as it is entered.

    With `refuses_open` it refuses, in these words, to go on with an unfinished message. What it
    `thinks` comes before each answer; `counts` are added to the tokens that it counts.
    """

    dialect: Dialect = "vllm"
    refuses_open: str = ""
    thinks: str = ""
    counts: Mapping[str, object] = field(default_factory=dict[str, object])

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/chat/completions", self._stream),
            web.get("/v1/models", self._models),
            web.get("/health", self._health),
        ]

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        received, script = await self._receive(request)
        if refusal := self._refused_with(script):
            status, message = chat_shapes.MESSAGES[self.dialect][refusal]
            return self._refuse_chat(received, status, message)
        if self.refuses_open and received.turns[-1][0] == "assistant":
            return self._refuse_chat(received, 400, self.refuses_open)
        limits = {"max_new_tokens": received.body["max_tokens"], "stop": received.body.get("stop")}
        sent, reason = cut_at_stop(script, limits)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        async with self._watching(received):
            await response.prepare(request)
            for chunk in chat_shapes.opening(self.dialect):
                await response.write(self._event(chunk))
            for piece in pieces(self.thinks):
                await response.write(self._event(chat_shapes.thought(self.dialect, piece)))
            for index, piece in enumerate(sent):
                await self._pace(received, script, index)
                # TGI says with the last token that it is the last.
                last = reason == "length" and self.dialect == "tgi" and index == len(sent) - 1
                chunk = chat_shapes.text(self.dialect, piece, reason if last else None)
                await response.write(self._event(chunk))
                received.tokens_sent += 1
                self._changed.set()
            await self._pace(received, script, len(sent))
            await self._end_chat(request, response, len(sent), reason)
        return response

    async def _end_chat(
        self, request: web.Request, response: web.StreamResponse, count: int, reason: str
    ) -> None:
        """End a stream for its reason."""
        match reason:
            case "eos_token" | "stop_sequence" | "length":
                word = "length" if reason == "length" else "stop"
                if not (word == "length" and self.dialect == "tgi"):
                    await response.write(self._event(chat_shapes.finish(self.dialect, word)))
                tokens = chat_shapes.usage(self.dialect, count + (word == "stop"))
                tokens["usage"] |= self.counts
                await response.write(self._event(tokens) + chat_shapes.done(self.dialect))
            case "error":
                message = "the model failed"
                if self.dialect == "tgi":
                    message = f"Request failed during generation: {message}"
                error = chat_shapes.error(self.dialect, 500, message, streamed=True)
                await response.write(self._event(error) + chat_shapes.done(self.dialect))
            case "cut" if request.transport is not None:
                request.transport.abort()
            case "stall":
                while True:
                    await asyncio.sleep(self.keep_alive)
                    await response.write(b": keep-alive\n\n")
            case _:
                pass

    async def _receive(self, request: web.Request) -> tuple[Received, Plan]:
        received = ReceivedChat(request.path, await request.json(), dict(request.headers))
        self.requests.append(received)
        self._changed.set()
        return received, plan(received.prompt)

    def _refused_with(self, script: Plan) -> Refusal | None:
        if self._refused[script.key] < script.busy:
            self._refused[script.key] += 1
            return "busy"
        return script.end if script.end in ("failed", "unready", "too_long") else None

    def _refuse_chat(self, received: Received, status: int, message: str) -> web.Response:
        received.status, received.end = status, "failed"
        self._changed.set()
        # TGI 3 refuses streams in the stream.
        if self.dialect == "tgi" or self.refuse_in_stream:
            error = chat_shapes.error(self.dialect, status, message, streamed=True)
            body = self._event(error) + chat_shapes.done(self.dialect)
            return web.Response(body=body, content_type="text/event-stream")
        return web.json_response(chat_shapes.error(self.dialect, status, message), status=status)

    def _event(self, content: object) -> bytes:
        return chat_shapes.event(self.dialect, content)

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response(chat_shapes.models(self.dialect, self.model, self.context_window))
