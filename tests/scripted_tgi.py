"""A real HTTP server that speaks Text Generation Inference 3, scripted by the prompt.

`tests/tgi_script.py` says how a prompt names a scenario. As a program, for browser tests:
`python -m tests.scripted_tgi --port 8123` (POST /release, GET /requests beside TGI's own paths).
"""

import argparse
import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Self

from aiohttp import web

from tests.listener import stop_accepting
from tests.tgi_received import Received
from tests.tgi_script import End, Plan, plan
from tests.tgi_wire import cut_at_stop, event, finish, token

MODEL = "scripted/model"
REFUSALS: dict[End, tuple[int, str, str]] = {
    "failed": (424, "Request failed during generation: out of memory", "generation"),
    "unready": (503, "unhealthy", "healthcheck"),
    "too_long": (
        422,
        "Input validation error: `inputs` must have less than 4095 tokens. Given: 5000",
        "validation",
    ),
}
BUSY = (429, "Model is overloaded", "overloaded")


@dataclass
class ScriptedTGI:
    """The server, for as long as it is entered; port 0 takes a free one.

    TGI 3 refuses streams by an event in a stream of status 200; other versions and what stands
    before it use the status: `refuse_in_stream` chooses. A stalled stream says `:` every
    `keep_alive` seconds, as TGI does.
    """

    port: int = 0
    context_window: int = 4096
    model: str = MODEL
    refuse_in_stream: bool = False
    keep_alive: float = 15
    requests: list[Received] = field(default_factory=list[Received])

    def __post_init__(self) -> None:
        self._changed = asyncio.Event()
        self._released = asyncio.Event()
        self._refused: Counter[str] = Counter()

    @property
    def url(self) -> str:
        """Where it listens, as `LLM__URL` names it."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes(
            [
                *self._routes(),
                web.post("/release", self._release),
                web.get("/requests", self._requests),
            ]
        )
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1
        )
        await self._runner.setup()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = int(self._listener.getsockname()[1])
        await web.SockSite(self._runner, self._listener).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Refuse connections from now on; those that are there are closed."""
        server = self._runner.server
        if server is None:
            return  # it was stopped before
        self.release()
        await stop_accepting(self._listener)
        transports = [each.transport for each in server.connections]
        await self._runner.cleanup()
        for transport in transports:
            if transport:
                transport.abort()  # aiohttp waits for a client that reads nothing more
        await asyncio.sleep(0)  # in which they end

    async def until(self, condition: Callable[[], bool], timeout: float = 10) -> None:
        """Wait until a condition holds; it is asked again whenever something has happened."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def held(self) -> Received:
        """Wait until a request is held by `[[hold: N]]`, and give it."""
        await self.until(lambda: any(each.held for each in self.requests))
        return next(each for each in self.requests if each.held)

    def release(self) -> None:
        """Let every request that is held go on."""
        self._released.set()
        self._released = asyncio.Event()

    def _routes(self) -> list[web.RouteDef]:
        """The paths of the service itself."""
        return [
            web.post("/", self._compat),
            web.post("/generate", self._generate),
            web.post("/generate_stream", self._stream),
            web.get("/info", self._info),
            web.get("/health", self._health),
        ]

    async def _compat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        return await (self._stream(request) if body.get("stream") else self._generate(request))

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        received, script = await self._receive(request)
        if refusal := self._refusal(script):
            return self._refuse(received, refusal)
        sent, reason = cut_at_stop(script, received.parameters)
        async with self._watching(received):
            for index in range(len(sent)):
                await self._pace(received, script, index)
        if script.end == "error":
            return self._refuse(received, (424, "the model failed", "generation"))
        received.end = "finished"
        self._changed.set()
        details = {
            "finish_reason": reason,
            "generated_tokens": len(sent),
            "seed": None,
            "prefill": [],
            "tokens": [token(index, piece) for index, piece in enumerate(sent)],
        }
        answer = {"generated_text": "".join(sent), "details": details}
        return web.json_response([answer] if request.path == "/" else answer)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        received, script = await self._receive(request)
        if refusal := self._refusal(script):
            return self._refuse(received, refusal)
        response = web.StreamResponse(
            headers={"content-type": "text/event-stream", "cache-control": "no-cache"}
        )
        async with self._watching(received):
            await response.prepare(request)
            sent, reason = cut_at_stop(script, received.parameters)
            for index, piece in enumerate(sent):
                await self._pace(received, script, index)
                last = index == len(sent) - 1 and reason in ("stop_sequence", "length")
                await response.write(event(index, piece, finish(sent, reason) if last else None))
                received.tokens_sent += 1
                self._changed.set()
            await self._pace(received, script, len(sent))
            await self._end(request, response, sent, reason)
        return response

    async def _end(
        self,
        request: web.Request,
        response: web.StreamResponse,
        sent: Sequence[str],
        reason: str,
    ) -> None:
        """End a stream for its reason; one that met a stop sequence has ended well."""
        if reason == "eos_token":
            await response.write(event(len(sent), "<|im_end|>", finish(sent, reason), special=True))
        elif reason == "error":
            await response.write(
                b'data:{"error":"Request failed during generation: the model failed",'
                b'"error_type":"generation"}\n\n'
            )
        elif reason == "cut" and request.transport is not None:
            request.transport.abort()
        elif reason == "stall":
            while True:
                await asyncio.sleep(self.keep_alive)
                await response.write(b":\n\n")

    async def _receive(self, request: web.Request) -> tuple[Received, Plan]:
        received = Received(request.path, await request.json(), dict(request.headers))
        self.requests.append(received)
        self._changed.set()
        return received, plan(received.prompt)

    def _refusal(self, script: Plan) -> tuple[int, str, str] | None:
        if self._refused[script.key] < script.busy:
            self._refused[script.key] += 1
            return BUSY
        return REFUSALS.get(script.end)

    def _refuse(self, received: Received, refusal: tuple[int, str, str]) -> web.Response:
        status, message, kind = refusal
        received.status, received.end = status, "failed"
        self._changed.set()
        body = json.dumps({"error": message, "error_type": kind})
        if self.refuse_in_stream and "stream" in received.path and kind != "healthcheck":
            return web.Response(text=f"data:{body}\n\n", content_type="text/event-stream")
        return web.Response(text=body, content_type="application/json", status=status)

    @asynccontextmanager
    async def _watching(self, received: Received) -> AsyncGenerator[None]:
        """Note how a request ends: also when its client goes away in the middle."""
        try:
            yield
        except (asyncio.CancelledError, ConnectionResetError):
            received.end = "gone"
            raise
        else:
            received.end = "finished"
        finally:
            received.held = False
            self._changed.set()

    async def _pace(self, received: Received, script: Plan, index: int) -> None:
        if script.hold == index:
            received.held = True
            self._changed.set()
            await self._released.wait()
            received.held = False
        if script.rate:
            await asyncio.sleep(1 / script.rate)

    async def _info(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "model_id": self.model,
                "model_sha": None,
                "max_concurrent_requests": 128,
                "max_best_of": 1,
                "max_stop_sequences": 4,
                "max_input_tokens": self.context_window - 1,
                "max_total_tokens": self.context_window,
                "router": "text-generation-router",
                "version": "3.3.6",
            }
        )

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _release(self, _: web.Request) -> web.Response:
        self.release()
        return web.Response()

    async def _requests(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(each) for each in self.requests])


async def _serve(port: int) -> None:
    async with ScriptedTGI(port=port) as tgi:
        print(tgi.url, flush=True)  # noqa: T201 - the line that says where it listens
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A scripted TGI server for tests")
    parser.add_argument("--port", type=int, default=0)
    asyncio.run(_serve(parser.parse_args().port))
