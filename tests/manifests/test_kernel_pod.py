"""The pod of a kernel, from what Pybot's adapter sends and the template of the gateway."""

import json
from pathlib import Path
from typing import Any

import pytest

from pybot.config import JupyterSettings
from pybot.services.kernels.gateway_env import kernel_env
from tests.manifests.launcher import launched
from tests.manifests.tools import MANIFESTS, PYTHON, Object, named, run

TEMPLATE = MANIFESTS / "components" / "enterprise-gateway" / "kernelspec" / "kernel-pod.yaml.j2"
KERNEL_ID = "8b2f2d54-8ab8-4b7e-9d2b-0d2b9d6f7a10"
NASTY = 'eve"}\nspec: {hostNetwork: true} # {{ 7*7 }} \u202e'


def pod_of(objects: list[Object], username: str = "ann@example.com") -> Any:
    """The pod that a gateway of these objects makes for a user's conversation."""
    data = named(objects, "ConfigMap", "pybot")["data"]
    jupyter = {
        key.removeprefix("JUPYTER__").lower(): value
        for key, value in data.items()
        if key.startswith("JUPYTER__")
    }
    sent = kernel_env(
        JupyterSettings.model_validate(jupyter),
        kernel_id=KERNEL_ID,
        conversation_id="c-17",
        username=username,
    )
    gateway = named(objects, "ConfigMap", "enterprise-gateway")["data"]
    spec = named(objects, "ConfigMap", "enterprise-gateway-kernelspec")["data"]
    # What the gateway adds before it starts its launcher.
    added = {
        **json.loads(spec["kernel.json"])["env"],
        "KERNEL_IMAGE": gateway["EG_KERNEL_IMAGE"],
        "KERNEL_POD_NAME": f"{sent['KERNEL_USERNAME']}-{KERNEL_ID}",
        "KERNEL_SERVICE_ACCOUNT_NAME": "kernel",
        "KERNEL_LANGUAGE": "python",
    }
    argv = json.loads(spec["kernel.json"])["argv"]
    return launched(TEMPLATE, argv, KERNEL_ID, {**sent, **added})


def test_template_is_the_one_that_is_mounted(objects: list[Object]) -> None:
    """What is tested here is what the gateway gets."""
    spec = named(objects, "ConfigMap", "enterprise-gateway-kernelspec")["data"]
    assert spec["kernel-pod.yaml.j2"] == TEMPLATE.read_text()


def test_kernel_sees_its_folder_alone(parsed: dict[str, list[Object]]) -> None:
    """Of the volume, the conversation's own folder; it is where code starts."""
    objects = parsed["production"]
    spec = pod_of(objects)["spec"]
    [container] = spec["containers"]
    tmp, shared = container["volumeMounts"]
    assert tmp["mountPath"] == "/tmp"
    assert shared == {"name": "shared", "mountPath": "/mnt/shared", "subPath": "c-17"}
    assert container["workingDir"] == "/mnt/shared"
    volumes = {volume.pop("name"): volume for volume in spec["volumes"]}
    data = named(objects, "ConfigMap", "pybot")["data"]
    assert volumes == {
        "tmp": {"emptyDir": {"sizeLimit": "2Gi"}},
        "shared": {
            "nfs": {
                "server": data["JUPYTER__SHARED_VOLUME_NFS_SERVER"],
                "path": data["JUPYTER__SHARED_VOLUME_NFS_PATH"],
            }
        },
    }


def test_kernel_has_no_rights(parsed: dict[str, list[Object]]) -> None:
    """Not root, no token, nothing gained, nothing written but to volumes."""
    pod = pod_of(parsed["production"])
    spec = pod["spec"]
    assert pod["metadata"]["namespace"] == "pybot-kernels"
    assert spec["serviceAccountName"] == "kernel"
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["restartPolicy"] == "Never"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["fsGroup"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "privileged": False,
        "capabilities": {"drop": ["ALL"]},
    }


def test_kernel_has_limits_that_its_namespace_takes(parsed: dict[str, list[Object]]) -> None:
    """Limits of the kernelspec, below the most that the LimitRange allows."""
    objects = parsed["production"]
    resources = pod_of(objects)["spec"]["containers"][0]["resources"]
    assert resources["limits"] == {"cpu": "2", "memory": "4Gi", "ephemeral-storage": "4Gi"}
    [limits] = named(objects, "LimitRange", "kernels")["spec"]["limits"]
    for name, value in resources["limits"].items():
        assert float(value.removesuffix("Gi")) <= float(limits["max"][name].removesuffix("Gi"))


def test_gateway_finds_and_names_the_pod(parsed: dict[str, list[Object]]) -> None:
    """Labels that the gateway and the NetworkPolicies look for; whose it is."""
    metadata = pod_of(parsed["production"])["metadata"]
    assert metadata["labels"]["kernel_id"] == KERNEL_ID
    assert metadata["labels"]["component"] == "kernel"
    assert metadata["name"].endswith(KERNEL_ID)
    assert len(metadata["name"]) <= 63
    assert metadata["annotations"]["pybot/user-name"] == "ann@example.com"
    assert metadata["annotations"]["pybot/conversation"] == "c-17"


@pytest.mark.parametrize("username", [NASTY, "'; --", "用户", "", "{{ kernel_image }}"])
def test_names_change_nothing_but_themselves(
    parsed: dict[str, list[Object]], username: str
) -> None:
    """Whatever a user is called, the pod is the same."""
    usual, other = pod_of(parsed["production"]), pod_of(parsed["production"], username)
    assert other["metadata"]["labels"]["pybot/user"] != usual["metadata"]["labels"]["pybot/user"]
    for pod in (usual, other):
        pod.pop("metadata")
        pod["spec"]["containers"][0].pop("name")
        pod["spec"]["containers"][0].pop("env")
    assert other == usual


def test_pod_fits_the_schema(parsed: dict[str, list[Object]], tmp_path: Path) -> None:
    """Kubernetes knows every field."""
    file = tmp_path / "pod.yaml"
    file.write_text(json.dumps(pod_of(parsed["production"])))
    run(PYTHON, "-m", "kubernetes_validate", "--strict", file)


def test_no_path_of_the_gateway_reaches_the_kernel(parsed: dict[str, list[Object]]) -> None:
    """The gateway's own PATH would hide the kernel's Python: nothing of it is handed on."""
    for objects in parsed.values():
        config = named(objects, "ConfigMap", "enterprise-gateway")["data"]
        [deployment] = [
            thing
            for thing in objects
            if thing["metadata"]["name"] == "enterprise-gateway" and thing["kind"] == "Deployment"
        ]
        variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
        assert "EG_INHERITED_ENVS" not in {*config, *(entry["name"] for entry in variables)}
    spec = json.loads(TEMPLATE.with_name("kernel.json").read_text())
    assert spec["argv"][0].startswith("/")
