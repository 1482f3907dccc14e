"""What Kubernetes NetworkPolicies say to a connection, as the VPC CNI enforces them around each pod."""

from collections.abc import Sequence
from ipaddress import IPv4Address

from components.network.reachability.filters import Direction, Flow
from components.network.reachability.model import Network, Place
from components.network.reachability.pods import Labels, NetworkPolicy, Pod, PolicyPeer, PolicyPort, PolicyRule
from components.network.reachability.verdict import Step


def pod_step(
    network: Network, place: Place, direction: Direction, flow: Flow, other: Place, address: IPv4Address
) -> Step:
    """Whether some policy of a pod admits the connection; a pod that no policy selects is open (standard mode).

    Args:
        network: the network.
        place: a pod.
        direction: seen from the pod.
        flow: what is opened, with the port of whoever is called.
        other: the other end.
        address: the other end's address.
    Source: Kubernetes, "Network Policies"; EKS User Guide, "Restrict Pod network traffic with network policies".
    """
    assert place.pod is not None
    if not network.pods_filtered:
        return Step(allowed=True, text=f"NetworkPolicies of {place.name} are not known without a serving stack")
    selecting = [policy for policy in network.policies if _selects(policy, place.pod, direction)]
    if not selecting:
        return Step(allowed=True, text=f"no NetworkPolicy selects {place.name} for {direction}")
    called = other.pod if direction == "egress" else place.pod
    for policy in selecting:
        rules: Sequence[PolicyRule] = (policy.ingress if direction == "ingress" else policy.egress) or ()
        for rule in rules:
            ports = not rule.ports or any(_port(port, flow, called) for port in rule.ports)
            peers = not rule.peers or any(_peer(network, policy, peer, other, address) for peer in rule.peers)
            if ports and peers:
                side = "from" if direction == "ingress" else "to"
                return Step(allowed=True, text=f"NetworkPolicy {policy.name} {direction}: {flow} {side} {other.name}")
    names = ", ".join(policy.name for policy in selecting)
    side = "from" if direction == "ingress" else "to"
    return Step(allowed=False, text=f"NetworkPolicy {names} {direction}: no rule for {flow} {side} {other.name}")


def _selects(policy: NetworkPolicy, pod: Pod, direction: Direction) -> bool:
    concerned = policy.ingress if direction == "ingress" else policy.egress
    return concerned is not None and policy.namespace == pod.namespace and policy.selector.fits(pod.labels)


def _port(port: PolicyPort, flow: Flow, called: Pod | None) -> bool:
    if port.protocol != flow.protocol:
        return False
    if port.first is None:
        return True
    first = called.ports.get(port.first) if isinstance(port.first, str) and called else port.first
    if not isinstance(first, int):
        return False
    return first <= flow.port <= (port.last or first)


def _peer(network: Network, policy: NetworkPolicy, peer: PolicyPeer, other: Place, address: IPv4Address) -> bool:
    """A range holds pods of the cluster as well: the CNI compares addresses, whoever has them."""
    if peer.cidr is not None:
        return address in peer.cidr and not any(address in exception for exception in peer.exceptions)
    if other.pod is None:
        return False
    labels: Labels = network.namespaces.get(other.pod.namespace, {})
    here = policy.namespace == other.pod.namespace if peer.namespaces is None else peer.namespaces.fits(labels)
    return here and (peer.pods is None or peer.pods.fits(other.pod.labels))
