"""`pybot doctor`: reaches each back end, and says what is wrong and what to do."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from pybot.config import Settings
from pybot.services.container import open_kernels
from pybot.services.kernels.base import KernelDied, Kernels, KernelUnavailable
from pybot.services.llm.adapters import model_of
from pybot.services.store.write_check import ADVICE, PROBE, PROBE_EXPIRES

OLDEST_REDIS = 7
TIMEOUT = 10.0  # seconds for Redis or the model to answer


class Finding(Struct, frozen=True):
    """The result for one back end; `advice` says how to improve it."""

    backend: str
    works: bool
    fact: str
    advice: str = ""

    def lines(self) -> list[str]:
        """For a terminal."""
        first = f"{'ok   ' if self.works else 'FAIL '}{self.backend}: {self.fact}"
        return [first, f"     → {self.advice}"] if self.advice else [first]


async def examine(settings: Settings, say: Callable[[str], None]) -> bool:
    """Examine all, side by side; True when every one works."""
    findings = await asyncio.gather(
        examine_redis(settings), examine_model(settings), examine_kernels(settings)
    )
    for finding in findings:
        for line in finding.lines():
            say(line)
    return all(finding.works for finding in findings)


async def examine_redis(settings: Settings) -> Finding:
    """Version, search, whether it takes writes, and whether it could lose them."""
    url = settings.redis_om_url.get_secret_value()
    try:
        async with asyncio.timeout(TIMEOUT), Redis.from_url(url, decode_responses=True) as client:
            info: dict[str, Any] = await client.info()
            modules: list[Any] = await _modules(client)
            refusal = await _why_writes_fail(client)
    except AuthenticationError as error:
        return _failed("Redis", f"it refuses the password ({error})", "correct REDIS_OM_URL")
    except (RedisError, OSError, TimeoutError, ValueError) as error:
        return _failed(
            "Redis",
            f"it cannot be reached ({_reason(error)})",
            "start one and name it with REDIS_OM_URL, or let `pybot up` start its own",
        )
    if refusal:
        return _failed("Redis", f"it takes no writes ({refusal})", ADVICE)
    return _redis_finding(info, modules)


async def _why_writes_fail(client: "Redis") -> str:
    """Why Redis refuses writes; empty when it takes them."""
    try:
        await client.set(PROBE, 1, ex=PROBE_EXPIRES)
    except ResponseError as error:
        return _reason(error)
    return ""


async def _modules(client: "Redis") -> list[Any]:
    try:
        return list(await client.module_list())
    except ResponseError:  # managed services forbid MODULE LIST
        return []


def _redis_finding(info: dict[str, Any], modules: Sequence[Any]) -> Finding:
    """Judge what Redis says of itself."""
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = str(info.get("valkey_version", info["redis_version"]))
    if int(str(info["redis_version"]).split(".")[0]) < OLDEST_REDIS:
        return _failed(
            "Redis", f"{name} {version} is too old", f"use Redis {OLDEST_REDIS} or newer"
        )
    has_search = "search" in repr(modules)
    fact = f"{name} {version}, {'with' if has_search else 'without'} the search module"
    advice: list[str] = []
    if not has_search:
        advice.append("searching reads the viewer's conversations one by one; Redis 8 has an index")
    if not int(info.get("aof_enabled", 0)):
        advice.append("set appendonly yes, or a crash loses the newest messages")
    if str(info.get("maxmemory_policy", "noeviction")) != "noeviction":
        advice.append("set maxmemory-policy noeviction, or Redis drops messages when it is full")
    return Finding("Redis", works=True, fact=fact, advice="; ".join(advice))


async def examine_model(settings: Settings) -> Finding:
    """Whether the model's service answers, and with what."""
    model = model_of(settings.llm)
    try:
        info = await model.info()
    finally:
        await model.aclose()
    if not info.available:
        return _failed(
            "model",
            f"no model {info.name} answers at {settings.llm.url}",
            "start it, correct LLM__URL or LLM__MODEL, or let `pybot up` start its own small one",
        )
    window = f"{info.context_window} tokens" if info.context_window else "unknown"
    advice = "" if info.context_window else "set LLM__CONTEXT_WINDOW: the service does not say"
    return Finding("model", works=True, fact=f"{info.name}, context window {window}", advice=advice)


async def examine_kernels(settings: Settings) -> Finding:
    """Whether a kernel really starts."""
    kernels = open_kernels(settings)
    try:
        await kernels.check()
        return await _try_kernel(kernels)
    except KernelDied:
        return _failed("kernels", "a kernel started and died", "look into the provider's log")
    except KernelUnavailable as error:
        return _failed(
            "kernels",
            str(error),
            "correct JUPYTER__GATEWAY_URL, or let `pybot up` start its own kernels",
        )
    finally:
        await kernels.aclose()


async def _try_kernel(kernels: Kernels) -> Finding:
    started = asyncio.get_running_loop().time()
    kernel_id = await kernels.start("doctor", "doctor")
    seconds = asyncio.get_running_loop().time() - started
    await kernels.shutdown(kernel_id)
    return Finding("kernels", works=True, fact=f"one started in {seconds:.1f} s")


def _failed(backend: str, fact: str, advice: str) -> Finding:
    return Finding(backend, works=False, fact=fact, advice=advice)


def _reason(error: BaseException) -> str:
    return str(error).replace("\n", " ") or type(error).__name__
