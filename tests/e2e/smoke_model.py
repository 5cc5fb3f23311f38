"""`make smoke-model`: ask the local model each example prompt, through the whole stack.

Not a test that pytest collects: it takes minutes, and measures a model rather than Pybot. Says how
often each run COMPLETED with a cell that ran without an exception and the result asked for.
"""

import argparse
import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from pybot.services.llm.smollm2 import EXAMPLES
from tests.client import Api
from tests.fixtures.pybot_process import PybotProcess


def shows_picture(outputs: list[Any]) -> bool:
    """Whether there is a PNG."""
    return any(
        representation["mediaType"] == "image/png"
        for output in outputs
        for representation in output.get("representations", ())
    )


def says(*words: int | str) -> Callable[[list[Any]], bool]:
    """Whether one of the outputs has all the words, in this order."""
    pattern = re.compile(r"\b.*\b".join(str(word) for word in words), re.DOTALL)

    def found(outputs: list[Any]) -> bool:
        texts = [output.get("text") or "" for output in outputs]
        texts += [
            representation["text"] or ""
            for output in outputs
            for representation in output.get("representations", ())
        ]
        return any(pattern.search(text) for text in texts)

    return found


WANTED: dict[str, Callable[[list[Any]], bool]] = {
    "Plot a sine wave": shows_picture,
    "What is 2 to the power of 64?": says(2**64),
    "Sort the numbers 5, 3, 8 and 1": says(1, 3, 5, 8),
    "Reverse the string 'hello'": says("olleh"),
}


async def attempt(api: Api, prompt: str) -> str:
    """Ask once, in a new conversation; empty, or what went wrong."""
    sent = await api.send(prompt)
    await api.until_ended(sent, timeout=300)
    snapshot = await api.snapshot(sent["conversation"]["id"])
    answer = snapshot["messages"]["nodes"][-1]
    if answer["status"] != "COMPLETED":
        return f"the answer is {answer['status']}"
    cells = [part["cell"] for part in answer["parts"] if part["__typename"] == "CellPart"]
    good = [
        cell["outputs"]
        for cell in cells
        if cell["status"] == "COMPLETED"
        and not any(output["__typename"] == "ErrorOutput" for output in cell["outputs"])
    ]
    if not good:
        return "no cell ran without an exception"
    if not any(WANTED[prompt](outputs) for outputs in good):
        return f"the result is missing in {[cell['source'] for cell in cells]}"
    return ""


async def ask_all(url: str, times: int) -> bool:
    """Ask each prompt so many times; True when all went well."""
    all_well = True
    async with aiohttp.ClientSession() as http:
        api = Api(url, "local", http)
        for prompt in EXAMPLES:
            problems = [await attempt(api, prompt) for _ in range(times)]
            failed = [problem for problem in problems if problem]
            sys.stdout.write(f"{times - len(failed)}/{times}  {prompt}\n")
            sys.stdout.writelines(f"     {problem}\n" for problem in failed)
            sys.stdout.flush()
            all_well = all_well and not failed
    return all_well


def main() -> None:
    """Exit with 1 when any attempt failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=3)
    times: int = parser.parse_args().times
    named = ("REDIS_OM_URL", "LLM__URL", "JUPYTER__GATEWAY_URL", "JUPYTER__OWNER_SOCKET")
    environment = {key: value for key, value in os.environ.items() if key not in named}
    environment["LLM__TEMPERATURE"] = "0"
    with tempfile.TemporaryDirectory() as folder:
        pybot = PybotProcess(
            "up",
            "--port",
            "0",
            "--data-dir",
            f"{folder}/data",
            environment=environment,
            log=Path(folder, "log"),
        )
        try:
            all_well = asyncio.run(ask_all(pybot.url(), times))
        finally:
            pybot.end(signal.SIGINT)
    sys.exit(not all_well)


if __name__ == "__main__":
    main()
