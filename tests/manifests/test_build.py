"""The overlays build, fit the cluster's schemas, and name nothing that is not there."""

import copy
import json
from pathlib import Path

import pytest

from tests.manifests.tools import (
    CUSTOM_GROUPS,
    MANIFESTS,
    OVERLAYS,
    PYTHON,
    Object,
    build,
    containers,
    name_of,
    named,
    parse,
    pod_templates,
    run,
)


def test_every_overlay_is_tested() -> None:
    """A new overlay is not forgotten here."""
    assert sorted(path.name for path in (MANIFESTS / "overlays").iterdir()) == sorted(OVERLAYS)


def test_sources_pass_yamllint() -> None:
    """One style, no key twice, no `yes` for a truth."""
    run(PYTHON, "-m", "yamllint", "-s", "-c", MANIFESTS / ".yamllint.yaml", MANIFESTS)


def test_objects_fit_the_schemas(built: dict[str, Path], overlay: str, tmp_path: Path) -> None:
    """Every field of every object is one that Kubernetes knows."""
    known = [
        thing
        for thing in parse(built[overlay].read_text())
        if thing["apiVersion"].partition("/")[0] not in CUSTOM_GROUPS
    ]
    said = validate(known, tmp_path)
    assert len(said.splitlines()) == len(known)
    assert len(known) > 30


def test_validation_finds_a_field_that_does_not_exist(tmp_path: Path) -> None:
    """The check above can fail."""
    wrong = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "a"},
        "automountToken": False,
    }
    with pytest.raises(AssertionError, match="automountToken"):
        validate([wrong], tmp_path)


def test_pods_of_knative_fit_the_schemas(parsed: dict[str, list[Object]], tmp_path: Path) -> None:
    """What a Knative Service makes a pod of would be a pod."""
    template = copy.deepcopy(pod_templates(parsed["knative-serving"])["pybot"])
    spec = {
        key: value
        for key, value in template["spec"].items()
        if key not in ("containerConcurrency", "timeoutSeconds")
    }
    # Knative fills in the port of its probes.
    for container in spec["containers"]:
        for probe in ("livenessProbe", "readinessProbe"):
            container[probe]["httpGet"]["port"] = 8000
    validate(
        [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pybot"}, "spec": spec}],
        tmp_path,
    )


def validate(objects: list[Object], folder: Path) -> str:
    """What kubernetes-validate says of objects that are valid."""
    file = folder / "objects.yaml"
    file.write_text("".join(f"---\n{json.dumps(thing)}\n" for thing in objects))
    return run(PYTHON, "-m", "kubernetes_validate", "--strict", file)


def test_each_object_is_in_its_namespace(objects: list[Object]) -> None:
    """Kernels are apart from all else; nothing lands in the namespace of who applies it."""
    for thing in objects:
        metadata = thing["metadata"]
        cluster_wide = thing["kind"] in ("Namespace", "PersistentVolume")
        own = "pybot-kernels" if metadata["name"] in ("kernels", "kernel") else "pybot"
        if thing["kind"] in ("Role", "RoleBinding"):
            own = "pybot-kernels"
        assert metadata.get("namespace") == (None if cluster_wide else own), metadata["name"]


def test_references_lead_to_what_is_there(objects: list[Object]) -> None:
    """ConfigMaps, claims, accounts and services by name."""
    there = {(thing["kind"], thing["metadata"]["name"]) for thing in objects}
    for template in pod_templates(objects).values():
        spec = template["spec"]
        [container] = spec["containers"]
        for source in container.get("envFrom", []):
            assert ("ConfigMap", source["configMapRef"]["name"]) in there
        for variable in container.get("env", []):
            if reference := variable.get("valueFrom", {}).get("configMapKeyRef"):
                found = named(objects, "ConfigMap", reference["name"])
                assert reference["key"] in found["data"]
        assert ("ServiceAccount", spec.get("serviceAccountName", "default")) in {
            *there,
            ("ServiceAccount", "default"),
        }
        for volume in spec.get("volumes", []):
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in there
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                assert ("PersistentVolumeClaim", claim) in there


def test_mounts_have_volumes(objects: list[Object]) -> None:
    """Each mount names a volume of its pod, and each volume is mounted."""
    for thing in objects:
        if "template" not in thing.get("spec", {}):
            continue
        spec = thing["spec"]["template"]["spec"]
        volumes = {volume["name"] for volume in spec.get("volumes", [])} | {
            claim["metadata"]["name"] for claim in thing["spec"].get("volumeClaimTemplates", [])
        }
        [container] = spec["containers"]
        assert {mount["name"] for mount in container.get("volumeMounts", [])} == volumes


def test_services_select_pods_that_listen(objects: list[Object]) -> None:
    """A service's port is one of the pods that it selects."""
    templates = pod_templates(objects).values()
    services = [
        thing for thing in objects if (thing["kind"], thing["apiVersion"]) == ("Service", "v1")
    ]
    assert len(services) > 3
    for service in services:
        selector = service["spec"]["selector"].items()
        [pod] = [found for found in templates if selector <= found["metadata"]["labels"].items()]
        ports = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_volume_is_the_one_of_the_settings(objects: list[Object]) -> None:
    """Server and kernels see the same folder: its address is written once."""
    data = named(objects, "ConfigMap", "pybot")["data"]
    nfs = named(objects, "PersistentVolume", "pybot-shared")["spec"]["nfs"]
    assert nfs["server"] == data["JUPYTER__SHARED_VOLUME_NFS_SERVER"]
    assert nfs["path"] == data["JUPYTER__SHARED_VOLUME_NFS_PATH"]


def test_server_sees_the_volume_at_the_path_of_its_setting(objects: list[Object]) -> None:
    """The mount is at JUPYTER__SHARED_VOLUME_SERVER_PATH, in server and worker."""
    path = named(objects, "ConfigMap", "pybot")["data"]["JUPYTER__SHARED_VOLUME_SERVER_PATH"]
    for name in ("pybot", "pybot-worker"):
        mounts = containers(objects)[name]["volumeMounts"]
        assert [mount["mountPath"] for mount in mounts if mount["name"] == "shared"] == [path]


def test_settings_roll_pods_out(objects: list[Object]) -> None:
    """A changed setting changes the name that pods refer to."""
    config = named(objects, "ConfigMap", "pybot")
    assert name_of(config) == "pybot"
    for name in ("pybot", "pybot-worker"):
        [source] = containers(objects)[name]["envFrom"]
        assert source["configMapRef"]["name"] == config["metadata"]["name"]


def test_knative_replaces_the_deployment(parsed: dict[str, list[Object]]) -> None:
    """There is one Pybot, and oauth2-proxy reaches it by the name that Knative routes by."""
    objects = parsed["knative-serving"]
    pybots = {
        thing["apiVersion"]
        for thing in objects
        if thing["metadata"]["name"] == "pybot"
        and thing["kind"] in ("Deployment", "Service", "HorizontalPodAutoscaler")
    }
    assert pybots == {"serving.knative.dev/v1"}
    arguments = containers(objects)["oauth2-proxy"]["args"]
    assert "--upstream=http://pybot.pybot.svc.cluster.local" in arguments
    assert "--pass-host-header=false" in arguments
    assert len({argument.partition("=")[0] for argument in arguments}) == len(arguments)


def test_models_can_be_exchanged(tmp_path: Path) -> None:
    """vLLM in place of TGI: an overlay that lists the other component."""
    lines = (MANIFESTS / "overlays" / "production" / "kustomization.yaml").read_text()
    folder = MANIFESTS / "overlays" / "production"
    other = tmp_path / "other"
    other.mkdir()
    (other / "ingress.yaml").write_text((folder / "ingress.yaml").read_text())
    lines = lines.replace("components/tgi", "components/vllm")
    (other / "kustomization.yaml").write_text(lines.replace("../..", relative(other, MANIFESTS)))
    objects = parse(build(other))
    data = named(objects, "ConfigMap", "pybot")["data"]
    assert (data["LLM__API"], data["LLM__URL"]) == ("openai", "http://vllm:8000")
    assert "tgi" not in pod_templates(objects)
    assert "--model=$(MODEL)" in containers(objects)["vllm"]["args"]


def relative(start: Path, target: Path) -> str:
    """The way from a folder to another, as kustomize wants it."""
    up = "/".join([".."] * (len(start.resolve().parts) - 1))
    return f"{up}{target.resolve()}"
