"""Pods have no more rights than they need; nothing secret is in the repository."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tests.manifests.tools import (
    MANIFESTS,
    OVERLAYS,
    PYTHON,
    Object,
    containers,
    named,
    pod_templates,
    run,
)

EXCEPTIONS = tomllib.loads(Path(__file__).with_name("exceptions.toml").read_text())
PINNED = re.compile(r"[\w./-]+:[\w.-]*\d[\w.-]*")
# Values of settings that are no secret although their names sound so.
NAMES_OF_SECRETS = re.compile(r"PASSWORD|SECRET|TOKEN|CREDS|REDIS_OM_URL|PRIVATE_KEY")


@pytest.mark.timeout(300)
def test_checkov_finds_only_what_is_explained(built: dict[str, Path]) -> None:
    """Every check passes, but for the exceptions; each exception is needed."""
    failed = checkov([built[name] for name in OVERLAYS])
    excepted = {check: set(entry["objects"]) for check, entry in EXCEPTIONS.items()}
    unexplained = {
        (check, name)
        for check, names in failed.items()
        for name in names
        if not {name, "*"} & excepted.get(check, set())
    }
    assert unexplained == set()
    unneeded = {
        (check, name)
        for check, names in excepted.items()
        for name in names
        if name not in failed.get(check, set()) and not (name == "*" and check in failed)
    }
    assert unneeded == set()


def checkov(files: list[Path]) -> dict[str, set[str]]:
    """The checks that fail, each with the names of the objects that fail it."""
    said = run(
        PYTHON,
        "-m",
        "checkov.main",
        *("--framework", "kubernetes", "--quiet", "--compact", "--skip-download"),
        *("--soft-fail", "--output", "json"),
        *(part for file in files for part in ("-f", file)),
    )
    report = json.loads(said)
    assert report["summary"]["passed"] > 1000
    assert report["summary"]["parsing_errors"] == 0
    failed: dict[str, set[str]] = {}
    for result in report["results"]["failed_checks"]:
        failed.setdefault(result["check_id"], set()).add(result["resource"].rpartition(".")[2])
    return failed


def test_exceptions_are_explained() -> None:
    """Each says what is not done and why."""
    for entry in EXCEPTIONS.values():
        assert entry["what"]
        assert len(entry["why"]) > 20


def test_containers_have_no_rights(objects: list[Object]) -> None:
    """Not root, nothing gained, nothing written but to volumes, the usual system calls."""
    templates = pod_templates(objects)
    assert len(templates) >= 6
    for name, template in templates.items():
        spec = template["spec"]
        [container] = spec["containers"]
        pod, own = spec.get("securityContext", {}), container["securityContext"]
        both = {**pod, **own}
        assert both["runAsNonRoot"] is True, name
        assert both["runAsUser"] > 0
        assert both["seccompProfile"] == {"type": "RuntimeDefault"}
        assert own["allowPrivilegeEscalation"] is False
        assert own["readOnlyRootFilesystem"] is True
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert spec["automountServiceAccountToken"] is (name == "enterprise-gateway")
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert not any("hostPath" in volume for volume in spec.get("volumes", []))


def test_containers_have_resources_and_probes(objects: list[Object]) -> None:
    """Requests, limits for memory and disk, and something that says whether they work."""
    for name, container in containers(objects).items():
        for kind in ("requests", "limits"):
            assert {"cpu", "memory", "ephemeral-storage"} <= container["resources"][kind].keys()
        if name != "pybot-worker":
            assert {"livenessProbe", "readinessProbe"} <= container.keys()
    probes = containers(objects)["pybot"]
    assert probes["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert probes["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_images_are_pinned(objects: list[Object]) -> None:
    """By a tag that says a version."""
    images = [container["image"] for container in containers(objects).values()]
    gateway = named(objects, "ConfigMap", "enterprise-gateway")["data"]
    for image in [*images, gateway["EG_KERNEL_IMAGE"]]:
        assert PINNED.fullmatch(image), image


def test_gateway_has_rights_on_pods_alone(objects: list[Object]) -> None:
    """In the kernels' namespace; nothing of the cluster's."""
    assert not [thing for thing in objects if thing["kind"].startswith("ClusterRole")]
    [role] = [thing for thing in objects if thing["kind"] == "Role"]
    assert role["metadata"]["namespace"] == "pybot-kernels"
    [rule] = role["rules"]
    assert rule["resources"] == ["pods"]
    assert set(rule["verbs"]) <= {"get", "list", "watch", "create", "delete"}
    [binding] = [thing for thing in objects if thing["kind"] == "RoleBinding"]
    [subject] = binding["subjects"]
    assert subject == {
        "kind": "ServiceAccount",
        "name": "enterprise-gateway",
        "namespace": "pybot",
    }


def test_no_secret_is_in_the_manifests(objects: list[Object]) -> None:
    """Operators make them; the objects refer to them."""
    assert not [thing for thing in objects if thing["kind"] == "Secret"]
    for container in containers(objects).values():
        for variable in container.get("env", []):
            if NAMES_OF_SECRETS.search(variable["name"]):
                assert "secretKeyRef" in variable["valueFrom"]
    for config in [thing for thing in objects if thing["kind"] == "ConfigMap"]:
        assert not [key for key in config["data"] if NAMES_OF_SECRETS.search(key)]


def test_each_secret_has_its_command() -> None:
    """The deployment page says how to make every key of every secret that is referred to."""
    page = (MANIFESTS / "README.md").read_text()
    commands = dict(
        re.findall(r"create secret (?:generic|tls) ([\w-]+)((?:.*\\\n)*.*)", page, re.MULTILINE)
    )
    referred: set[tuple[str, str]] = set()
    for file in MANIFESTS.rglob("*.yaml"):
        text = file.read_text()
        referred |= set(re.findall(r"secretKeyRef: \{name: ([\w-]+), key: (\w+)", text))
        referred |= {(name, "") for name in re.findall(r"secretName: ([\w-]+)", text)}
    assert len(referred) > 8
    for name, key in referred:
        assert name in commands
        assert f"--from-literal={key}=" in commands[name] or not key
