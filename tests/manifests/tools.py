"""The tools in their environment, and what they make of the overlays."""

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
BIN = ROOT / ".venv-manifests" / "bin"
PYTHON = BIN / "python"
OVERLAYS = ("istio", "istio-authservice", "knative-serving", "production")
# What checkov and the cluster's schemas do not know.
CUSTOM_GROUPS = ("networking.istio.io", "security.istio.io", "serving.knative.dev")

Object = dict[str, Any]


def run(*command: str | Path, stdin: str | None = None) -> str:
    """What a command prints; an assertion that shows what it said when it fails."""
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, input=stdin, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


def build(folder: Path) -> str:
    """A folder as `kubectl apply -k` would send it."""
    return run(BIN / "kubectl", "kustomize", folder)


def parse(text: str) -> list[Object]:
    """The documents of a YAML text."""
    program = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)"
    documents: list[Object] = json.loads(run(PYTHON, "-c", program, stdin=text))
    return documents


def named(objects: list[Object], kind: str, name: str) -> Object:
    """One object; names may have the hash of a ConfigMap behind them."""
    [found] = [
        thing
        for thing in objects
        if thing["kind"] == kind and (thing["metadata"]["name"] == name or name_of(thing) == name)
    ]
    return found


def name_of(thing: Object) -> str:
    """An object's name as the sources write it."""
    name: str = thing["metadata"]["name"]
    return name.rpartition("-")[0] if thing["kind"] == "ConfigMap" else name


def pod_templates(objects: list[Object]) -> dict[str, Object]:
    """The pods that objects make: metadata and spec, by the name of what makes them."""
    return {
        thing["metadata"]["name"]: thing["spec"]["template"]
        for thing in objects
        if "template" in thing.get("spec", {})
    }


def containers(objects: list[Object]) -> dict[str, Object]:
    """All containers, by the name of what makes their pod."""
    found: dict[str, Object] = {}
    for name, template in pod_templates(objects).items():
        assert "initContainers" not in template["spec"]
        [found[name]] = template["spec"]["containers"]
    return found
