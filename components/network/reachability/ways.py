"""The way of one connection and of its answer: every lock, in the order in which packets meet them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from components.network.reachability.filters import Flow, acl_step, group_step, return_steps, route_step
from components.network.reachability.model import OUTSIDE, Front, Network, Place
from components.network.reachability.pod_filter import pod_step
from components.network.reachability.verdict import Step

LINK_LOCAL_PORTS: Final[Mapping[str, tuple[str, ...]]] = {
    "resolver": ("udp 53", "tcp 53"),
    "instance-metadata": ("tcp 80",),
    "pod-identity-agent": ("tcp 80",),
}
"""What answers at link-local addresses."""


def direct(network: Network, source: Place, destination: Place, flow: Flow) -> list[Step]:
    """Locks on the way from one address to another, without anybody who hands over."""
    if destination.kind == "link-local":
        return list(_link_local(network, source, destination, flow))
    if source.kind in ("link-local", "storage"):
        return [Step(allowed=False, text=f"{source.name} answers, it opens no connection")]
    if source.kind in OUTSIDE and destination.kind in OUTSIDE:
        words = f"{source.name} and {destination.name}: neither peering, VPN nor endpoints lead through the VPC"
        return [Step(allowed=False, text=words)]
    if "consumer" in (source.kind, destination.kind):
        return list(_private_link(network, source, destination, flow))
    return list(_routed(network, source, destination, flow))


def _routed(network: Network, source: Place, destination: Place, flow: Flow) -> Iterator[Step]:
    here, there = source.address, destination.address
    origin, target = network.subnets.get(source.subnet), network.subnets.get(destination.subnet)
    # Network ACLs stand at the border of a subnet: inside one, none is asked.
    borders = origin is None or origin != target
    if source.pod is not None:
        yield pod_step(network, source, "egress", flow, destination, there)
    if origin is not None:
        yield group_step(network, source, "egress", flow, destination, there)
        if borders:
            yield acl_step(network.acls.get(origin.acl), "egress", flow, there)
        yield route_step(network, origin, destination, there)
    else:
        yield Step(allowed=True, text=f"{source.title} sends through {source.via or 'the internet'}")
    if target is not None:
        if borders:
            yield acl_step(network.acls.get(target.acl), "ingress", flow, here)
        yield group_step(network, destination, "ingress", flow, source, here)
        if destination.pod is not None:
            yield pod_step(network, destination, "ingress", flow, source, here)
        yield route_step(network, target, source, here, "back ")
    if borders:
        yield from return_steps(network, source, destination, flow)


def _link_local(network: Network, source: Place, destination: Place, flow: Flow) -> Iterator[Step]:
    """Answered by the machine's own host: no route, no ACL and no group is asked, NetworkPolicies are."""
    if source.kind not in ("node", "pod", "runner"):
        yield Step(allowed=False, text=f"{destination.name} answers machines of the VPC only, {source.name} is none")
        return
    if destination.role == "pod-identity-agent" and source.kind == "runner":
        yield Step(allowed=False, text=f"{destination.name} runs on nodes only")
    if source.pod is not None:
        yield pod_step(network, source, "egress", flow, destination, destination.address)
    if destination.role == "instance-metadata" and source.kind == "pod" and not network.pods_reach_metadata:
        yield Step(allowed=False, text="instance metadata's token dies at the first hop: pods get no answer")
    answers = str(flow) in LINK_LOCAL_PORTS[destination.role]
    words = "is not filtered by groups and ACLs" if answers else f"does not answer on {flow}"
    yield Step(allowed=answers, text=f"{destination.name} ({destination.address}) {words}")


def _private_link(network: Network, source: Place, destination: Place, flow: Flow) -> Iterator[Step]:
    """An endpoint of somebody else's VPC leads to our load balancer, and nothing leads back.

    Source: AWS PrivateLink Guide, "Share your services through AWS PrivateLink"; NLB User Guide, "Update the security
        groups for your Network Load Balancer".
    """
    if destination.kind != "front":
        yield Step(
            allowed=False, text=f"PrivateLink leads to the load balancer only, not from or to {destination.name}"
        )
        return
    yield Step(allowed=True, text=f"endpoint service {source.via}: allowed principals, each connection accepted")
    if network.front is not None and network.front.filters_private_link:
        yield group_step(network, destination, "ingress", flow, source, source.address)


def through_front(network: Network, front: Front, source: Place, entry: Place, flow: Flow) -> Iterator[Step]:
    """From a client to the load balancer, and from there with the balancer's own address to one of the gateways."""
    yield from direct(network, source, entry, flow)
    if flow.protocol != "tcp" or flow.port not in front.listeners:
        yield Step(allowed=False, text=f"{front.name} has no listener for {flow}")
        return
    # Where it keeps the client's address, filters behind it see that one.
    hand_over = replace(entry, address=source.address) if front.keeps_client_address else entry
    onward = Flow(protocol="tcp", port=front.target_port)
    gateways = [
        place
        for place in network.places.values()
        if place.pod is not None and place.role.startswith("gateway") and (front.cross_zone or place.zone == entry.zone)
    ]
    ways = [direct(network, hand_over, gateway, onward) for gateway in gateways]
    if not ways:
        yield Step(allowed=False, text=f"{front.name} has no gateway to hand over to")
        return
    best = min(ways, key=lambda steps: sum(not step.allowed for step in steps))
    yield Step(allowed=True, text=f"{entry.name} hands over to {gateways[ways.index(best)].name}, {onward}")
    yield from best
