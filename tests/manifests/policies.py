"""What NetworkPolicies allow, worked out as a cluster's network does.

A connection needs a yes from both ends. An end says yes when no policy of that direction selects
its pod, or one that does allows it. https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from dataclasses import dataclass
from typing import Any

from tests.manifests.tools import Object


@dataclass(frozen=True)
class Pod:
    """An end of a connection."""

    namespace: str
    labels: tuple[tuple[str, str], ...]

    def has(self, selector: Object) -> bool:
        """Whether a label selector selects it."""
        return _selects(selector, dict(self.labels))


def pod(namespace: str, **labels: str) -> Pod:
    """A pod with labels; `_` in their names stands for `-`."""
    return Pod(namespace, tuple((name.replace("_", "-"), value) for name, value in labels.items()))


OUTSIDE = Pod("", ())  # somewhere on the internet


def allows(
    objects: list[Object], source: Pod, target: Pod, port: int, protocol: str = "TCP"
) -> bool:
    """Whether the policies let one pod connect to a port of another."""
    policies = [thing for thing in objects if thing["kind"] == "NetworkPolicy"]
    return _end_allows(policies, "Egress", source, target, port, protocol) and _end_allows(
        policies, "Ingress", target, source, port, protocol
    )


def _end_allows(
    policies: list[Object], direction: str, own: Pod, peer: Pod, port: int, protocol: str
) -> bool:
    selecting = [
        policy
        for policy in policies
        if policy["metadata"]["namespace"] == own.namespace
        and direction in policy["spec"]["policyTypes"]
        and own.has(policy["spec"]["podSelector"])
    ]
    if not selecting:
        return True
    peers = "to" if direction == "Egress" else "from"
    rules = [rule for policy in selecting for rule in policy["spec"].get(direction.lower(), [])]
    return any(
        _has_port(rule, port, protocol) and _has_peer(rule.get(peers), own.namespace, peer)
        for rule in rules
    )


def _has_port(rule: Object, port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    return not ports or any(
        (entry["port"], entry.get("protocol", "TCP")) == (port, protocol) for entry in ports
    )


def _has_peer(peers: list[Object] | None, namespace: str, peer: Pod) -> bool:
    if not peers:
        return True
    for entry in peers:
        assert "ipBlock" not in entry, "addresses are not worked out here"
        spaces = entry.get("namespaceSelector")
        in_space = (
            peer.namespace == namespace
            if spaces is None
            else bool(peer.namespace)
            and _selects(spaces, {"kubernetes.io/metadata.name": peer.namespace})
        )
        if in_space and peer.has(entry.get("podSelector", {})):
            return True
    return False


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    for name, value in selector.get("matchLabels", {}).items():
        if labels.get(name) != value:
            return False
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return True
