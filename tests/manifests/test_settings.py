"""Every setting that the manifests name exists, with a value that Pybot takes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pybot.config import Settings, setting_fields
from tests.manifests.tools import MANIFESTS, ROOT, Object, containers, named

KEYS = {key for key, _ in setting_fields()}


def test_settings_exist(objects: list[Object]) -> None:
    """In ConfigMap and secret, of server and worker."""
    data = named(objects, "ConfigMap", "pybot")["data"]
    assert data.keys() <= KEYS
    for name in ("pybot", "pybot-worker"):
        own = {variable["name"] for variable in containers(objects)[name]["env"]}
        assert "REDIS_OM_URL" in own
        assert own <= KEYS


def test_values_are_taken(objects: list[Object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Pybot starts with them, for many users and with the gateway."""
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    for key, value in named(objects, "ConfigMap", "pybot")["data"].items():
        monkeypatch.setenv(key, value)
    settings = Settings()
    assert settings.local_user is None
    assert settings.jupyter.owner_socket is None
    assert settings.jupyter.kernel_namespace == "pybot-kernels"
    assert settings.user_id_header == "X-Forwarded-User"


def test_backends_are_services(objects: list[Object]) -> None:
    """The addresses in the settings are names of services, with their ports."""
    data = named(objects, "ConfigMap", "pybot")["data"]
    for key in ("LLM__URL", "JUPYTER__GATEWAY_URL"):
        match = re.fullmatch(r"http://([\w-]+):(\d+)", data[key])
        assert match
        [port] = named(objects, "Service", match[1])["spec"]["ports"]
        assert port["port"] == int(match[2])


def test_commands_exist(objects: list[Object]) -> None:
    """The arguments of server and worker are taken by the command line."""
    for name, refused in (("pybot", "LOCAL_USER=me"), ("pybot-worker", "RUN__CONCURRENCY=0")):
        arguments: list[str] = containers(objects)[name]["args"]
        # A setting that a command refuses to run with: it has understood its arguments by then.
        assert exit_code(refused, *arguments) == 1
        assert exit_code(refused, *arguments, "--no-such-option") == 2


def exit_code(setting: str, *arguments: str) -> int:
    """How `pybot` ends with these arguments, where one setting is wrong."""
    key, value = setting.split("=")
    environment = {"PATH": os.defpath, key: value}
    command = [sys.executable, "-m", "pybot", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=60)
    return done.returncode


def test_answers_are_written_by_workers(objects: list[Object]) -> None:
    """Where there are workers, the servers write none."""
    own = {variable["name"]: variable for variable in containers(objects)["pybot"]["env"]}
    assert own["RUN__CONCURRENCY"]["value"] == "0"
    assert "RUN__CONCURRENCY" not in {
        variable["name"] for variable in containers(objects)["pybot-worker"]["env"]
    }


def test_page_names_settings_that_exist() -> None:
    """The deployment page, too."""
    page = (MANIFESTS / "README.md").read_text()
    known_groups = {key.partition("__")[0] for key in KEYS if "__" in key}
    named_there = set(re.findall(r"\b[A-Z]+__[A-Z_]+\b", page))
    assert named_there
    assert {name for name in named_there if name.partition("__")[0] in known_groups} <= KEYS


@pytest.mark.parametrize("kind", ["server", "gateway"])
def test_sign_in_sets_the_header_that_pybot_reads(kind: str) -> None:
    """oidc-authservice has another default; oauth2-proxy has this one."""
    settings = (MANIFESTS / "base" / "settings.env").read_text()
    header = re.search(r"^USER_ID_HEADER=(.*)$", settings, re.MULTILINE)
    assert header
    source = {
        "server": MANIFESTS / "overlays" / "istio" / "oauth2-proxy.yaml",
        "gateway": MANIFESTS / "components" / "oidc-authservice" / "settings.env",
    }[kind]
    assert header[1] in Path(source).read_text()


def test_tools_are_locked() -> None:
    """The tools of these tests are pinned like all else."""
    for line in (ROOT / "requirements" / "manifests.txt").read_text().splitlines():
        assert "==" in line
