"""Who reaches whom: kernels reach neither Redis nor Pybot, and only the proxy reaches Pybot."""

import pytest

from tests.manifests.policies import OUTSIDE, Pod, allows, pod
from tests.manifests.tools import Object, named, pod_templates

PYBOT = pod("pybot", app="pybot")
WORKER = pod("pybot", app="pybot-worker")
REDIS = pod("pybot", app="redis")
MODEL = pod("pybot", app="tgi")
GATEWAY = pod("pybot", app="enterprise-gateway")
PROXY = pod("pybot", app="oauth2-proxy")
AUTHSERVICE = pod("pybot", app="authservice")
KERNEL = pod("pybot-kernels", app="kernel", component="kernel")
OTHER_KERNEL = pod("pybot-kernels", app="kernel", component="kernel", of="another")
DNS = pod("kube-system", k8s_app="kube-dns")
STRANGER = pod("default", app="pybot")
INGRESS = pod("ingress-nginx", app="nginx")
MESH = pod("istio-system", istio="ingressgateway")
KNATIVE = pod("knative-serving", app="activator")
NEIGHBOUR = pod("pybot", app="debug")

# Who sends requests to Pybot, on which port of its pod; who else may sign people in.
FRONT = {
    "production": (PROXY, 8000),
    "istio": (MESH, 8000),
    "istio-authservice": (MESH, 8000),
    "knative-serving": (KNATIVE, 8012),
}


@pytest.mark.parametrize("source", [PYBOT, WORKER])
@pytest.mark.parametrize(("target", "port"), [(REDIS, 6379), (MODEL, 8080), (GATEWAY, 8888)])
def test_pybot_reaches_its_back_ends(
    objects: list[Object], source: Pod, target: Pod, port: int
) -> None:
    """Serving or answering."""
    assert allows(objects, source, target, port)


def test_pybot_reaches_names_and_nothing_outside(objects: list[Object]) -> None:
    """It asks for names, and sends nothing elsewhere."""
    assert allows(objects, PYBOT, DNS, 53, "UDP")
    assert not allows(objects, PYBOT, OUTSIDE, 443)
    assert not allows(objects, PYBOT, KERNEL, 5555)


@pytest.mark.parametrize(
    ("target", "port"),
    [
        (REDIS, 6379),
        (PYBOT, 8000),
        (PYBOT, 8012),
        (WORKER, 8000),
        (MODEL, 8080),
        (GATEWAY, 8888),
        (PROXY, 4180),
        (AUTHSERVICE, 8081),
        (OTHER_KERNEL, 5555),
        (DNS, 53),
        (STRANGER, 80),
        (OUTSIDE, 443),
    ],
)
def test_kernels_reach_nothing(objects: list[Object], target: Pod, port: int) -> None:
    """Code of users meets no Redis, no Pybot, no other kernel, no network."""
    assert not allows(objects, KERNEL, target, port)
    assert not allows(objects, KERNEL, target, port, "UDP")


def test_kernels_and_gateway_meet(objects: list[Object]) -> None:
    """A kernel reports to the gateway, which connects to it; no one else does."""
    assert allows(objects, KERNEL, GATEWAY, 8877)
    assert allows(objects, GATEWAY, KERNEL, 40_000)
    for source in (PYBOT, STRANGER, NEIGHBOUR, PROXY):
        assert not allows(objects, source, KERNEL, 40_000)
        assert not allows(objects, source, GATEWAY, 8877)


def test_only_the_proxy_reaches_pybot(objects: list[Object], overlay: str) -> None:
    """A pod that reaches Pybot can pose as any user."""
    front, port = FRONT[overlay]
    assert allows(objects, front, PYBOT, port)
    others = {PROXY, MESH, KNATIVE, INGRESS, STRANGER, NEIGHBOUR, WORKER, OUTSIDE, GATEWAY, REDIS}
    for source in others - {front}:
        assert not allows(objects, source, PYBOT, 8000)
        assert not allows(objects, source, PYBOT, port)


def test_redis_is_for_few(objects: list[Object]) -> None:
    """The queue unpickles what it finds there."""
    for source in (GATEWAY, MODEL, INGRESS, MESH, STRANGER, NEIGHBOUR, AUTHSERVICE, OUTSIDE):
        assert not allows(objects, source, REDIS, 6379)
    assert not allows(objects, REDIS, OUTSIDE, 443)


def test_sign_in_is_reached_from_the_front(objects: list[Object], overlay: str) -> None:
    """Browsers come through the ingress, and Envoy asks where it is the one to ask."""
    target, port = (AUTHSERVICE, 8082) if "authservice" in overlay else (PROXY, 4180)
    front = MESH if overlay.startswith("istio") else INGRESS
    assert allows(objects, front, target, port)
    assert not allows(objects, STRANGER, target, port)
    if overlay.startswith("istio"):
        assert allows(objects, PYBOT, target, 8081 if target is AUTHSERVICE else 4180)
        assert allows(objects, PYBOT, pod("istio-system", app="istiod"), 15012)


def test_pods_have_the_labels_that_policies_mean(objects: list[Object]) -> None:
    """The pods above are those of the overlays."""
    labels = {template["metadata"]["labels"]["app"] for template in pod_templates(objects).values()}
    assert {"pybot", "pybot-worker", "redis", "tgi", "enterprise-gateway"} <= labels
    assert labels & {"oauth2-proxy", "authservice"}
    for name in ("pybot", "pybot-kernels"):
        assert named(objects, "Namespace", name)


def test_mesh_takes_over_what_clients_claim(parsed: dict[str, list[Object]]) -> None:
    """Headers of a client are removed before Pybot's sidecar asks who it is."""
    for overlay in ("istio", "istio-authservice"):
        objects = parsed[overlay]
        user_header = named(objects, "ConfigMap", "pybot")["data"]["USER_ID_HEADER"].lower()
        routes = named(objects, "VirtualService", "pybot")["spec"]["http"]
        [route] = [route for route in routes if route["name"] == "pybot"]
        assert user_header in route["headers"]["request"]["remove"]
        policy = named(objects, "AuthorizationPolicy", "pybot-sign-in")["spec"]
        assert (policy["action"], policy["rules"]) == ("CUSTOM", [{}])
        mode = named(objects, "PeerAuthentication", "pybot")["spec"]["mtls"]["mode"]
        assert mode == "STRICT"
