"""Which host names somebody can resolve, and what decided it."""

from collections.abc import Iterator
from typing import Final

from components.network.reachability.filters import Flow
from components.network.reachability.model import NameRule, Network, Place
from components.network.reachability.places import place_at
from components.network.reachability.verdict import Step, Verdict, verdict
from components.network.reachability.ways import direct

QUERY: Final = Flow(protocol="udp", port=53)
CLUSTER_DOMAIN: Final = "cluster.local"
"""CoreDNS answers these by itself. Source: Kubernetes, "DNS for Services and Pods"."""


def resolves(network: Network, place: str | Place, host: str) -> Verdict:
    """Whether a place gets an answer for a host name; an answer may still be an address that it cannot reach.

    Raises:
        UnknownPlaceError: nothing of this name or address is planned.
    """
    return verdict(name_steps(network, place_at(network, place), host))


def name_steps(network: Network, place: Place, host: str) -> list[Step]:
    """Locks on the way of a query, then what the name firewall says to the name."""
    name = host.rstrip(".").lower()
    if not place.subnet:
        return [_outside(network, place, name)]
    if place.kind not in ("node", "pod", "runner"):
        return [Step(allowed=False, text=f"{place.name} is AWS's machine and asks no resolver of ours")]
    way = min(_ways(network, place), key=lambda steps: sum(not step.allowed for step in steps))
    if name == CLUSTER_DOMAIN or name.endswith(f".{CLUSTER_DOMAIN}"):
        answers = place.kind == "pod"
        return [*way, Step(allowed=answers, text=f"CoreDNS answers {CLUSTER_DOMAIN} to pods only")]
    return [*way, firewall_step(network, name)]


def firewall_step(network: Network, name: str) -> Step:
    """The first rule of the name firewall that fits; a name that no rule knows is resolved.

    Source: Route 53 Developer Guide, "How Route 53 Resolver DNS Firewall works".
    """
    zone = _zone(network, name)
    answer = f"; private zone {zone} answers" if zone else ""
    for rule in network.name_rules:
        if (domain := _fits(rule, name)) is not None:
            text = f"{rule.name} (priority {rule.priority}): {rule.action} {domain} of {rule.domain_list}"
            allowed = rule.action != "BLOCK"
            return Step(allowed=allowed, text=text + (answer if allowed else ""))
    return Step(allowed=True, text=f"no rule of the name firewall knows {name}{answer}")


def _ways(network: Network, place: Place) -> Iterator[list[Step]]:
    """Straight to the VPC's resolver; for pods also through CoreDNS, as Kubernetes sets them up."""
    resolver = network.places["resolver"]
    if place.pod is not None:
        for server in network.places.values():
            if server.role.startswith("dns") and server.pod is not None and server.name != place.name:
                yield [*direct(network, place, server, QUERY), *direct(network, server, resolver, QUERY)]
    yield direct(network, place, resolver, QUERY)


def _outside(network: Network, place: Place, name: str) -> Step:
    """Peers have a resolver of their own; of our names it knows the private zones that we shared."""
    for zone in network.zones:
        if place.role in zone.peers and _below(name, zone.domain):
            return Step(allowed=True, text=f"private zone {zone.name} ({zone.domain}) is shared with {place.name}")
    return Step(allowed=False, text=f"no private zone of ours that holds {name} is shared with {place.name}")


def _zone(network: Network, name: str) -> str | None:
    zones = [zone for zone in network.zones if _below(name, zone.domain)]
    return max(zones, key=lambda zone: len(zone.domain)).name if zones else None


def _below(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def _fits(rule: NameRule, name: str) -> str | None:
    for domain in rule.domains:
        pattern = domain.rstrip(".").lower()
        if pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:])):
            return domain
    return None
