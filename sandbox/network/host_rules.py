"""nftables rules around one place: its security groups, and for pods the Kubernetes NetworkPolicies; both stateful."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network

from components.network.reachability.model import GroupRule, Network, Place
from components.network.reachability.pods import NetworkPolicy, PolicyPeer, PolicyPort, PolicyRule, Selector

SERVICE_PORT = 80
"""Of link-local services. Source: EC2 User Guide, "Access instance metadata"; EKS User Guide, "EKS Pod Identity"."""
_OPENING = ('iifname "lo" accept', "ct state established,related accept")


def host_rules(network: Network, place: Place, unfiltered: Sequence[IPv4Address]) -> str:
    """What `nft -f` reads in the place's namespace; empty for places outside, whose filters are not ours.

    A packet must pass every chain of its direction: an `accept` ends its own chain only, a `drop` is the last word.

    Args:
        network: the plan.
        place: an interface of the VPC.
        unfiltered: addresses that AWS exempts from security groups.
    """
    # A load balancer may have no group, and then AWS filters nothing; everything else has one.
    chains = _group_chains(network, place, unfiltered) if place.groups else []
    if place.pod is not None and network.pods_filtered:
        chains += _policy_chains(network, place)
    return "table ip filters {\n" + "".join(chains) + "}\n"


def machine_service_rules(network: Network, place: Place) -> str:
    """What `nft -f` reads around instance metadata and the Pod Identity agent: each answers machines, not interfaces.

    Metadata's answer ends at the first hop where launch templates say so, and a pod is the second.
    Source: EC2 User Guide, "Configure the instance metadata options"; EKS User Guide, "EKS Pod Identity".
    """
    kinds = {"node", "pod"}
    if place.role == "instance-metadata":
        kinds = {"node", "runner", "pod"} if network.pods_reach_metadata else {"node", "runner"}
    machines = [each.address for each in network.places.values() if each.kind in kinds]
    lines = [f"ip saddr {_set(machines)} accept"] if machines else []
    return "table ip filters {\n" + _chain("machines", "input", 0, lines) + "}\n"


def _chain(name: str, hook: str, priority: int, lines: Iterable[str]) -> str:
    opening = (line.replace("iif", "oif") if hook == "output" else line for line in _OPENING)
    body = "".join(f"    {line}\n" for line in (*opening, *lines))
    return f"  chain {name} {{\n    type filter hook {hook} priority {priority}; policy drop;\n{body}  }}\n"


def _group_chains(network: Network, place: Place, unfiltered: Sequence[IPv4Address]) -> list[str]:
    """Allowances of all groups of the interface together.

    Source: VPC User Guide, "Security groups": link-local services and the resolver are not filtered.
    """
    groups = [network.groups[name] for name in place.groups]
    ingress = [line for group in groups for rule in group.ingress for line in _group_rule(network, rule, "saddr")]
    egress = [line for group in groups for rule in group.egress for line in _group_rule(network, rule, "daddr")]
    exempt = [f"ip daddr {_set(unfiltered)} accept"] if unfiltered else []
    if place.kind == "front" and network.front is not None and not network.front.filters_private_link:
        consumers = [each.address for each in network.places.values() if each.kind == "consumer"]
        ingress += [f"ip saddr {_set(consumers)} accept"] if consumers else []
    return [
        _chain("groups_in", "input", 0, ingress),
        _chain("groups_out", "output", 10, [*exempt, *egress]),
    ]


def _group_rule(network: Network, rule: GroupRule, side: str) -> Iterator[str]:
    """One allowance; a group means the addresses of its members, a prefix list its ranges, and of nobody nothing."""
    others: Sequence[IPv4Network | IPv4Address] = ()
    if rule.cidr is not None:
        others = [rule.cidr]
    elif rule.group is not None:
        others = [each.address for each in network.places.values() if rule.group in each.groups]
    elif rule.prefix_list is not None:
        others = network.storage.get(rule.prefix_list, ())
    if others:
        yield f"ip {side} {_set(others)} {_transport(rule.protocol, *rule.ports)}accept"


def _transport(protocol: str, first: int, last: int) -> str:
    return "" if protocol == "all" else f"{protocol} dport {first}-{last} "


def _set(members: Iterable[IPv4Network | IPv4Address]) -> str:
    return "{ " + ", ".join(str(member) for member in members) + " }"


def _policy_chains(network: Network, place: Place) -> list[str]:
    """A chain for each direction that a policy of the pod speaks of; the others stay open.

    Source: Kubernetes, "Network Policies": policies add up, and a pod that none selects is not isolated.
    """
    assert place.pod is not None
    mine = [
        policy
        for policy in network.policies
        if policy.namespace == place.pod.namespace and _selects(policy.selector, place.pod.labels)
    ]
    chains = []
    if any(policy.ingress is not None for policy in mine):
        lines = [
            line for policy in mine for rule in policy.ingress or () for line in _ingress(network, policy, rule, place)
        ]
        chains.append(_chain("policies_in", "input", 10, lines))
    if any(policy.egress is not None for policy in mine):
        lines = [line for policy in mine for rule in policy.egress or () for line in _egress(network, policy, rule)]
        chains.append(_chain("policies_out", "output", 0, lines))
    return chains


def _ingress(network: Network, policy: NetworkPolicy, rule: PolicyRule, place: Place) -> Iterator[str]:
    """Named ports are those of the pod itself."""
    assert place.pod is not None
    for source in _addresses(network, policy, rule, "saddr"):
        for port in _ports(rule.ports, place.pod.ports):
            yield f"{source}{port}accept"


def _egress(network: Network, policy: NetworkPolicy, rule: PolicyRule) -> Iterator[str]:
    """Named ports are those of whoever is called, so each called pod has a line of its own for them."""
    numbered = tuple(port for port in rule.ports if not isinstance(port.first, str))
    named = tuple(port for port in rule.ports if isinstance(port.first, str))
    if numbered or not rule.ports:
        for target in _addresses(network, policy, rule, "daddr"):
            for port in _ports(numbered, {}):
                yield f"{target}{port}accept"
    for place in _pods(network):
        if named and (not rule.peers or any(_is(network, policy, peer, place) for peer in rule.peers)):
            assert place.pod is not None
            for port in _ports(named, place.pod.ports):
                yield f"ip daddr {place.address} {port}accept"


def _addresses(network: Network, policy: NetworkPolicy, rule: PolicyRule, side: str) -> Iterator[str]:
    if not rule.peers:
        yield ""
    for peer in rule.peers:
        if peer.cidr is not None:
            exceptions = f"ip {side} != {_set(peer.exceptions)} " if peer.exceptions else ""
            yield f"ip {side} {peer.cidr} {exceptions}"
        elif members := [place.address for place in _pods(network) if _is(network, policy, peer, place)]:
            yield f"ip {side} {_set(members)} "


def _pods(network: Network) -> list[Place]:
    return [place for place in network.places.values() if place.pod is not None]


def _is(network: Network, policy: NetworkPolicy, peer: PolicyPeer, place: Place) -> bool:
    """Whether a pod is meant: by its labels, in the policy's own namespace unless namespaces are chosen as well."""
    if peer.cidr is not None or place.pod is None:
        return peer.cidr is not None and place.address in peer.cidr
    if peer.namespaces is None:
        there = place.pod.namespace == policy.namespace
    else:
        there = _selects(peer.namespaces, network.namespaces.get(place.pod.namespace, {}))
    return there and (peer.pods is None or _selects(peer.pods, place.pod.labels))


def _selects(selector: Selector, labels: Mapping[str, str]) -> bool:
    """Read here once more, as everything that decides: two readings of one plan."""
    for line in selector.expressions:
        given = labels.get(line.key)
        fits = {
            "In": given in line.values,
            "NotIn": given not in line.values,
            "Exists": given is not None,
            "DoesNotExist": given is None,
        }
        if not fits[line.operator]:
            return False
    return selector.labels.items() <= labels.items()


def _ports(ports: Sequence[PolicyPort], names: Mapping[str, int]) -> Iterator[str]:
    if not ports:
        yield ""
    for port in ports:
        first = names.get(port.first) if isinstance(port.first, str) else port.first
        if isinstance(port.first, str) and first is None:
            continue
        span = f"dport {first}-{port.last or first} " if first is not None else "dport 0-65535 "
        yield f"{port.protocol} {span}"
