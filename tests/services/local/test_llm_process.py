"""When the model's server counts as ready."""

from pathlib import Path

import pytest
from aiohttp import web

from pybot.services.local.llm_process import LlmServer


async def test_nobody_on_its_port_is_not_ready(tmp_path: Path) -> None:
    assert not await LlmServer(tmp_path).program.ready()


@pytest.mark.parametrize(("status", "is_ready"), [(200, True), (503, False), (404, False)])
async def test_it_is_ready_once_it_says_so(tmp_path: Path, status: int, is_ready: bool) -> None:
    """While it loads the model it answers that it cannot be used."""
    server = LlmServer(tmp_path)

    async def health(_: web.Request) -> web.Response:
        return web.Response(status=status)

    app = web.Application()
    app.router.add_get("/health", health)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", int(server.url.rpartition(":")[2])).start()
        assert await server.program.ready() == is_ready
    finally:
        await runner.cleanup()
