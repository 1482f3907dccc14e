"""Whom the probe tries: sources, destinations and ports of a planned network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal

from components.network.reachability.model import Acl, Network, Place, SecurityGroup
from sandbox.network.servers import DNS
from sandbox.network.world import Knock

UNNAMED: Final = (22, 10250)
"""Ports that no rule names by itself: a shell, and a kubelet inside a wider range."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One question to both: does the source get an answer from the destination's port?"""

    source: Place
    destination: Place
    port: int
    transport: Literal["tcp", "udp"] = "tcp"

    def __str__(self) -> str:
        return f"{self.source.name} -> {self.destination.name} {self.transport} {self.port}"

    def knock(self, from_port: int = 0) -> Knock:
        """The attempt; places outside have several addresses and use the planned one."""
        return Knock(
            source=self.source.name,
            address=str(self.destination.address),
            port=self.port,
            transport=self.transport,
            from_address="" if self.source.subnet else str(self.source.address),
            from_port=from_port,
        )


def callers(network: Network) -> list[Place]:
    """Everybody who may open a connection; interface endpoints of equal groups differ as callees only, and are one."""
    found: dict[tuple[str, ...], Place] = {}
    for place in network.places.values():
        if place.kind == "endpoint":
            found.setdefault((place.subnet, *place.groups), place)
        elif place.kind != "link-local":
            found[(place.name,)] = place
    return list(found.values())


def pairs_between(
    sources: Iterable[Place],
    destinations: Sequence[Place],
    ports: Sequence[int],
    transport: Literal["tcp", "udp"] = "tcp",
) -> list[Pair]:
    """Each source to each destination on each port; resolvers speak DNS and are asked for names instead."""
    return [
        Pair(source=source, destination=destination, port=port, transport=transport)
        for source in sources
        for destination in destinations
        if destination is not source and destination.role != "resolver"
        for port in ports
        if not (port == DNS and destination.role.startswith("dns"))
    ]


def named_ports(network: Network) -> list[int]:
    """Both ends of every range of ports that a rule names, and some that none does."""
    named = {
        port
        for filter_ in chain[SecurityGroup | Acl](network.groups.values(), network.acls.values())
        for rule in (*filter_.ingress, *filter_.egress)
        for port in rule.ports
    }
    front = (network.front.target_port, *network.front.listeners) if network.front else ()
    return sorted({*named, *front, *_policy_ports(network), *UNNAMED} - {0})


def _policy_ports(network: Network) -> Iterator[int]:
    for policy in network.policies:
        for rule in (*(policy.ingress or ()), *(policy.egress or ())):
            for port in rule.ports:
                yield from (each for each in (port.first, port.last) if isinstance(each, int))
    for place in network.places.values():
        if place.pod is not None:
            yield from place.pod.ports.values()
