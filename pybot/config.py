"""Settings, read once from the environment in `cli.py` and passed down.

Keys are the field names in upper case, nested with `__`: `LLM__URL`, `RUN__MAX_STEPS`.
Every field's description stands in `docs/configuration.md`; a test compares the two.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024
# Browsers take two slashes, or a backslash for the second, for the beginning of a host.
_PATH = re.compile(r"/(?![/\\])[!-~]*")


def _is_url(value: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(value)
        named = parts.path if parts.scheme == "unix" else parts.hostname
        return parts.scheme in schemes and bool(named) and parts.port != 0
    except ValueError:  # not a valid port or address
        return False


def _http_url(value: str) -> str:
    """Refuse a malformed URL; the text is not changed (pydantic's own type adds a slash)."""
    if not _is_url(value, ("http", "https")):
        raise ValueError("Input should be a URL such as http://host:8080")
    return value


def _page_url(value: str) -> str:
    """Refuse what is neither a URL of the web nor a path on this server: a page links to it."""
    if not _PATH.fullmatch(value) and not _is_url(value, ("http", "https")):
        raise ValueError("Input should be a path such as /oauth2/sign_out, or a URL")
    return value


def _redis_url(value: SecretStr) -> SecretStr:
    """Refuse a malformed URL, in a message without its password."""
    if not _is_url(value.get_secret_value(), ("redis", "rediss", "unix")):
        raise ValueError("Input should be a URL such as redis://host:6379 or unix:///path")
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
PageUrl = Annotated[str, AfterValidator(_page_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]


class Section(BaseModel):
    """A group of settings; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LlmSettings(Section):
    """The language model's service."""

    url: HttpUrl = Field(default="http://localhost:8080", description="LLM service url")
    api: Literal["tgi", "openai"] = Field(
        default="tgi",
        description="What the LLM service speaks: TGI's own interface, or chat completions",
    )
    creds: SecretStr = Field(default=SecretStr("EMPTY"), description="LLM service credentials")
    model: str = Field(
        default="cognitivecomputations/dolphincoder-starcoder2-15b", description="LLM model name"
    )
    eos_token: str = Field(default="<|im_end|>", description="End of sentence token")
    profile: Literal["default", "smollm2"] = Field(
        default="default", description="Prompt and few-shot turns that suit the model"
    )
    context_window: int | None = Field(
        default=None, ge=512, description="Tokens of context, where the service does not say"
    )
    temperature: float | None = Field(
        default=None, ge=0, le=2, description="Sampling temperature; the service's own when unset"
    )
    idle_timeout: float = Field(
        default=60,
        gt=0,
        description="Seconds without a token after which the model is taken for stalled",
    )
    max_attempts: int = Field(
        default=5, ge=1, description="Tries, with growing pauses, while the model's service is busy"
    )


class JupyterSettings(Section):
    """Where kernels come from: a gateway, or the machine's own kernel owner."""

    gateway_url: HttpUrl = Field(
        default="http://localhost:8888", description="URL of the Jupyter Enterprise Gateway."
    )
    gateway_token: SecretStr | None = Field(
        default=None, description="Authorization token of the gateway (its EG_AUTH_TOKEN)"
    )
    kernel_namespace: str | None = Field(
        default=None,
        description="Namespace to start the kernel in. If not set, a new namespace will be created "
        "in form of `${KERNEL_USERNAME}-${UUID}.`",
    )
    shared_volume_mount_path: str = Field(
        default="/mnt/shared",
        description="Path to mount the shared volume in the kernel container.",
    )
    shared_volume_nfs_server: str = Field(
        default="localhost", description="NFS server to mount the shared volume from."
    )
    shared_volume_nfs_path: str = Field(
        default="/data/pybot/shared", description="Path to the shared volume on the NFS server."
    )
    shared_volume_server_path: Path | None = Field(
        default=None,
        description="Where this server sees the shared volume; unset, it does not touch it",
    )
    owner_socket: Path | None = Field(
        default=None,
        description="Socket of the kernel owner of this machine, in place of a gateway",
    )
    start_timeout: float = Field(
        default=60, gt=0, description="Seconds that a kernel may take to start"
    )


class KernelSettings(Section):
    """Limits of the local kernels (`pybot up`)."""

    memory: int = Field(
        default=4096 * MIB, ge=256 * MIB, description="Most memory of a kernel, in bytes"
    )
    cpu_seconds: int = Field(
        default=3600, ge=1, description="Most CPU time of a kernel, in seconds"
    )
    file_size: int = Field(
        default=512 * MIB, ge=MIB, description="Largest file a kernel writes, in bytes"
    )
    processes: int = Field(default=128, ge=16, description="Most processes and threads of a kernel")
    idle_timeout: float = Field(
        default=1800, gt=0, description="Seconds without code after which a kernel is culled"
    )
    max_kernels: int = Field(
        default=20,
        ge=1,
        description="Most kernels at once on this machine; the one idle longest makes room",
    )
    python: FilePath | None = Field(
        default=None,
        description="Python of the kernels; unset, the set-up's own (.venv-kernels), else Pybot's",
    )
    sandbox: bool = Field(
        default=True,
        description="Run kernels in bubblewrap; false runs them with the user's own rights",
    )


class RunSettings(Section):
    """Limits of one answer."""

    concurrency: int = Field(
        default=10, ge=0, description="Runs at once in one process; 0 takes none"
    )
    max_steps: int = Field(default=8, ge=1, description="Most cells in one answer")
    max_tokens: int = Field(
        default=2048, ge=16, description="Most tokens the model writes in one answer"
    )
    timeout: float = Field(
        default=600, gt=0, description="Most seconds one answer may take, waits for its user apart"
    )
    cell_timeout: float = Field(default=120, gt=0, description="Most seconds one cell may run")
    lease: float = Field(
        default=15,
        ge=1,
        description="Seconds after which a lost worker's run is taken up by another",
    )
    patience: float = Field(
        default=604_800, gt=0, description="Seconds for which code waits for a user's approval"
    )
    input_patience: float = Field(
        default=600, gt=0, description="Seconds for which code waits for what `input()` asks for"
    )


class LimitSettings(Section):
    """Limits of requests, and of what they may store."""

    max_message_length: int = Field(
        default=32_000, ge=1, description="Longest message, in Unicode code points"
    )
    max_file_size: int = Field(default=512 * MIB, ge=1, description="Largest upload, in bytes")
    max_output_length: int = Field(
        default=65_536,
        ge=256,
        description="Most code points of one output that events and fields carry",
    )
    max_kept_output: int = Field(
        default=4 * MIB, ge=1024, description="Most bytes of one output that are kept for download"
    )
    max_cell_output: int = Field(
        default=64 * MIB,
        ge=1024,
        description="Most bytes that all outputs of one cell may take together",
    )
    max_outputs: int = Field(default=200, ge=1, description="Most outputs of one cell")
    max_storage: int = Field(
        default=1024 * MIB,
        ge=1024,
        description="Most bytes of outputs that all conversations of one user may take",
    )
    max_concurrent_runs: int = Field(
        default=5, ge=1, description="Most runs that one user can have going at once"
    )
    max_waiting_runs: int = Field(
        default=20, ge=1, description="Most runs of one user that can wait for their decision"
    )
    max_query_cost: int = Field(
        default=5000, ge=1, description="Most that one GraphQL operation can cost"
    )
    max_query_depth: int = Field(default=15, ge=1, description="Deepest GraphQL operation")
    max_query_aliases: int = Field(
        default=30, ge=0, description="Most aliases in one GraphQL operation"
    )
    max_body_size: int = Field(
        default=MIB, ge=1024, description="Largest GraphQL request, in bytes"
    )
    max_sockets: int = Field(
        default=50, ge=1, description="Most WebSockets and event streams of one user in one process"
    )
    max_subscriptions: int = Field(
        default=100, ge=1, description="Most subscriptions on one WebSocket"
    )
    socket_max_age: float = Field(
        default=43_200,
        gt=0,
        description="Seconds after which a WebSocket or an event stream must sign in again",
    )
    send_timeout: float = Field(
        default=10, gt=0, description="Seconds after which a reader that stalls is dropped"
    )
    keep_alive: int = Field(
        default=120,
        ge=1,
        description="Seconds for which an idle HTTP connection stays open; set it longer than the "
        "proxy in front keeps its own, or the proxy may use one that is just being closed",
    )
    event_retention: int = Field(
        default=86_400, ge=60, description="Seconds for which past events can be resumed from"
    )


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_nested_delimiter="__", extra="ignore", frozen=True, env_ignore_empty=True
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="log level"
    )
    redis_om_url: RedisUrl = Field(
        default=SecretStr("redis://localhost:6379"),
        description="Redis url to persist messages and metadata",
    )
    user_id_header: str = Field(
        default="X-Forwarded-User", description="Header to use for user identification."
    )
    allowed_origins: tuple[str, ...] = Field(
        default=(),
        description="Origins that may open WebSockets and send mutations beside the server's own",
    )
    sign_out_url: PageUrl | None = Field(
        default=None,
        description="Path or URL at which the proxy signs out; a menu of the web app leads there",
    )
    graphiql: bool = Field(
        default=True, description="Serve GraphiQL, an explorer of the API, at /graphiql"
    )
    llm: LlmSettings = LlmSettings()
    jupyter: JupyterSettings = JupyterSettings()
    kernels: KernelSettings = KernelSettings()
    run: RunSettings = RunSettings()
    limits: LimitSettings = LimitSettings()
    local_user: str | None = Field(
        default=None,
        description="Built-in user of a local stack; only on loopback (set by `pybot up`)",
    )


def setting_fields(
    section: type[BaseModel] = Settings, prefix: str = ""
) -> Iterator[tuple[str, FieldInfo]]:
    """Every setting by the name that it has in the environment, in the order of the code."""
    for name, field in section.model_fields.items():
        key = f"{prefix}{name}".upper()
        if isinstance(field.default, BaseModel):
            yield from setting_fields(type(field.default), f"{key}__")
        else:
            yield key, field
