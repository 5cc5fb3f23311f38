"""A small model behind Text Generation Inference's own HTTP interface, for one machine.

`python -m pybot.services.local.llm_server --port 8080` prints `Listening on http://…` once it
answers. It stands in for TGI wherever Pybot, or any other client of TGI, expects one.
"""

import argparse
import asyncio
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import aclosing

import msgspec
from aiohttp import web

from pybot.services.llm.smollm2 import DEMO_MODEL
from pybot.services.local import model_file
from pybot.services.local.chat_completions import ChatCompletions
from pybot.services.local.llama import CONTEXT, Llama, LlamaError
from pybot.services.local.llama_requests import (
    MAX_INPUT,
    MAX_REQUESTS,
    LlamaRequests,
)
from pybot.services.local.tgi_http import (
    errors_as_json,
    event,
    failure,
    json_response,
    stream_response,
)
from pybot.services.local.tgi_types import MAX_STOP_SEQUENCES, GenerateRequest

MAX_BODY = 4 * 1024 * 1024  # bytes
PR_SET_PDEATHSIG = 1
PR_GET_PDEATHSIG = 2
_request = msgspec.json.Decoder(GenerateRequest)


class TgiServer:
    """The handlers of the native interface."""

    def __init__(self, requests: LlamaRequests) -> None:
        self._requests = requests

    async def compat(self, request: web.Request) -> web.StreamResponse:
        """`POST /`: streamed or not, as the body says; an array when it is not."""
        body = _request.decode(await request.read())
        if body.stream:
            return await self._stream(request, body)
        return await self._whole(body, as_list=True)

    async def generate(self, request: web.Request) -> web.StreamResponse:
        """`POST /generate`."""
        return await self._whole(_request.decode(await request.read()), as_list=False)

    async def generate_stream(self, request: web.Request) -> web.StreamResponse:
        """`POST /generate_stream`."""
        return await self._stream(request, _request.decode(await request.read()))

    async def info(self, _: web.Request) -> web.Response:
        """`GET /info`."""
        return json_response(
            {
                "model_id": DEMO_MODEL,
                "model_sha": model_file.SHA256,
                "model_pipeline_tag": "text-generation",
                "max_concurrent_requests": MAX_REQUESTS,
                "max_best_of": 1,
                "max_stop_sequences": MAX_STOP_SEQUENCES,
                "max_input_tokens": MAX_INPUT,
                "max_total_tokens": CONTEXT,
                "validation_workers": 1,
                "max_client_batch_size": 1,
                "router": "pybot",
                "version": "3.3.6",
                "sha": None,
                "docker_label": None,
            }
        )

    async def models(self, _: web.Request) -> web.Response:
        """`GET /v1/models`."""
        name = DEMO_MODEL
        model = {"id": name, "object": "model", "created": 0, "owned_by": name}
        return json_response({"object": "list", "data": [model]})

    async def health(self, _: web.Request) -> web.Response:
        """`GET /health`: the model is loaded before the server listens."""
        return web.Response()

    async def _whole(self, body: GenerateRequest, *, as_list: bool) -> web.Response:
        async with self._requests.prepared(body) as prepared:
            result = await self._requests.whole(prepared)
        asked = body.parameters
        answer: dict[str, object] = {"generated_text": result.text}
        if asked and (asked.details or asked.decoder_input_details):
            answer["details"] = result.details
        return json_response([answer] if as_list else answer)

    async def _stream(self, request: web.Request, body: GenerateRequest) -> web.StreamResponse:
        details = bool(body.parameters and body.parameters.details)
        async with self._requests.prepared(body) as prepared:
            response = stream_response()
            await response.prepare(request)
            try:
                async with aclosing(self._requests.stream(prepared)) as events:
                    async for each in events:
                        shown = each if details else msgspec.structs.replace(each, details=None)
                        await response.write(event(shown))
            except LlamaError as error:
                await response.write(event(failure(error)))
        return response


def application(requests: LlamaRequests) -> web.Application:
    """The server's paths."""
    native, chat = TgiServer(requests), ChatCompletions(requests)
    app = web.Application(client_max_size=MAX_BODY, middlewares=[errors_as_json])
    app.add_routes(
        [
            web.post("/", native.compat),
            web.post("/generate", native.generate),
            web.post("/generate_stream", native.generate_stream),
            web.post("/v1/chat/completions", chat.handle),
            web.get("/v1/models", native.models),
            web.get("/info", native.info),
            web.get("/health", native.health),
        ]
    )
    return app


async def serve(llama: Llama, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Raises OSError when the port is taken."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    # A handler that is cancelled when its client goes away ends the generation.
    runner = web.AppRunner(
        application(LlamaRequests(llama)),
        handler_cancellation=True,
        access_log=None,
        shutdown_timeout=0,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        shown = f"[{host}]" if ":" in host else host
        print(f"Listening on http://{shown}:{runner.addresses[0][1]}", flush=True)  # noqa: T201
        await ended.wait()
    finally:
        await runner.cleanup()
        await llama.aclose()


def main(argv: Sequence[str] | None = None) -> int:
    """Check and load the model, then serve; the exit code."""
    parser = argparse.ArgumentParser(prog="llm_server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    _end_with_parent()
    try:
        path = model_file.find()
        model_file.check(path)
        llama = Llama(path)
    except (model_file.ModelFileError, ImportError, RuntimeError) as error:
        return _fail(str(error))
    try:
        asyncio.run(serve(llama, options.host, options.port))
    except OSError as error:
        return _fail(f"The model's server cannot listen on port {options.port}: {error.strerror}.")
    finally:
        llama.remove()
    return 0


def _end_with_parent() -> None:
    """Ask for SIGTERM at the parent's death, unless the parent has asked for something already."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    asked = ctypes.c_int(0)
    libc.prctl(PR_GET_PDEATHSIG, ctypes.byref(asked))
    if asked.value == 0:
        libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))


def _fail(message: str) -> int:
    print(message, file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    code = main()
    # llama.cpp's threads have nothing to finish, and joining them can take a second.
    sys.stdout.flush()
    os._exit(code)
