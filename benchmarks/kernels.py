"""Code through Pybot beside the same code in a bare kernel."""

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.connect import write_connection_file

from benchmarks.bench import Bench
from benchmarks.client import User, code, ended
from benchmarks.table import Row

PRINTS = 200_000
SUM, PRINTING = "1+1", f"for i in range({PRINTS}): print(i)"


async def cells(bench: Bench) -> Sequence[Row]:
    """`1+1`, and many lines of output; from the request to the end of the cell."""
    user = bench.user("coder")
    times: dict[tuple[str, str], list[float]] = {}
    async with _bare_kernel(bench.lab.kernel_python) as kernel:
        sent = await user.send(code(SUM))  # starts the kernel
        await user.finished(sent)
        conversation = sent["conversation"]["id"]
        await _execute(kernel, SUM)
        for source, rounds in ((SUM, 30), (PRINTING, 2)):
            for _ in range(rounds):
                bare = await _execute(kernel, source)
                times.setdefault((source, "bare"), []).append(bare)
                cell, whole = await _through(user, conversation, source)
                times.setdefault((source, "cell"), []).append(cell)
                times.setdefault((source, "whole"), []).append(whole)
    return [
        Row("1+1", "ms, the cell", times[SUM, "bare"], times[SUM, "cell"]),
        Row("1+1", "ms, the whole answer", times[SUM, "bare"], times[SUM, "whole"]),
        Row(f"{PRINTS:,} prints", "ms", times[PRINTING, "bare"], times[PRINTING, "cell"]),
    ]


async def _through(user: User, conversation: str, source: str) -> tuple[float, float]:
    """Milliseconds that the cell took, and the whole answer with two (idle) generations."""
    running = 0.0
    async with user.socket() as socket:
        begun = time.monotonic()
        sent = await user.send(code(source), conversation)
        cell = 0.0
        async for event in user.events(socket, conversation, sent["eventCursor"]):
            status = event["cell"]["status"] if "cell" in event else None
            if status in ("QUEUED", "RUNNING"):
                running = running or time.monotonic()
            elif status == "COMPLETED":
                cell = (time.monotonic() - running) * 1000
            elif ended(event):
                break
        if not cell:
            raise RuntimeError(f"the cell did not end well: {source}")
        return cell, (time.monotonic() - begun) * 1000


async def _execute(kernel: AsyncKernelClient, source: str) -> float:
    """Milliseconds until the kernel is idle again, all its output read."""
    begun = time.monotonic()
    request = kernel.execute(source)
    while True:
        message: Any = await kernel.get_iopub_msg(timeout=60)
        is_ours = message["parent_header"].get("msg_id") == request
        if is_ours and message["content"].get("execution_state") == "idle":
            return (time.monotonic() - begun) * 1000


@asynccontextmanager
async def _bare_kernel(python: Path) -> AsyncGenerator[AsyncKernelClient]:
    """A kernel without a sandbox, and a client of it."""
    with tempfile.TemporaryDirectory(prefix="pybot-bench-") as folder:
        connection = f"{folder}/kernel.json"
        write_connection_file(connection, transport="ipc", ip=f"{folder}/k")
        process = await asyncio.create_subprocess_exec(
            str(python),
            "-m",
            "ipykernel_launcher",
            "-f",
            connection,
            stderr=asyncio.subprocess.DEVNULL,
        )
        client = AsyncKernelClient(connection_file=connection)
        client.load_connection_file()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            yield client
        finally:
            client.stop_channels()
            process.terminate()
            await process.wait()
