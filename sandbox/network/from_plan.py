"""From a planned network to the world that is built: rules come from the plan's own data, never from a verdict."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from components.network.reachability.model import Network, Place
from sandbox.network import router
from sandbox.network.host_rules import SERVICE_PORT, host_rules, machine_service_rules
from sandbox.network.router import Road
from sandbox.network.servers import DNS
from sandbox.network.world import Host, NameRule, Resolver, World

RESOLVER_PLACE = 2
"""The VPC's resolver has the third address of its first range. Source: VPC User Guide, "Amazon DNS server"."""

PUBLIC_ANSWER = "192.0.2.53"
"""Stands for whatever the world's name servers say: only the firewall can make a name unknown here."""
NEEDED = ("gateway", "dns")
"""Roles of pods that others hand over to."""


class CannotBuildError(ValueError):
    """The plan asks for something that is not built here."""


def world_of(
    network: Network, *, ports: Sequence[int], wanted: Collection[str], udp_ports: Sequence[int] = ()
) -> World:
    """The world of a planned network.

    Args:
        network: the plan.
        ports: where every place accepts TCP connections.
        udp_ports: where every place answers datagrams.
        wanted: places that get a namespace, besides gateways and name servers; rules are about all places in any case.

    Raises:
        CannotBuildError: the load balancer would keep its clients' addresses.
    """
    if network.front is not None and network.front.keeps_client_address:
        raise CannotBuildError("a load balancer that keeps its clients' addresses is no proxy, and is not built here")
    asked = {place.address for place in network.places.values() if place.role == "resolver"}
    resolvers = [network.ranges[0][RESOLVER_PLACE], *sorted(asked)]
    outside = [place for place in network.places.values() if not place.subnet and place.address not in asked]
    roads = router.roads_outside(outside)
    unfiltered = [*resolvers, *(place.address for place in outside if place.kind == "link-local")]
    built = [place for place in network.places.values() if place.name in wanted or place.role.startswith(NEEDED)]
    hosts = [_outside(network, place, roads[place.name]) for place in built if place.name in roads]
    hosts += [_inside(network, place, unfiltered) for place in built if place.subnet]
    return World(
        setup=router.setup(network, roads, resolvers),
        roads=router.routing(network, roads),
        rules=router.filters(network, roads),
        hosts=tuple(_listening(host, ports, udp_ports) for host in hosts),
        resolver=Resolver(
            addresses=tuple(str(address) for address in resolvers),
            rules=tuple(
                NameRule(action=rule.action, block_response="NXDOMAIN", patterns=rule.domains)
                for rule in network.name_rules
            ),
            records=_records(network),
            public=PUBLIC_ANSWER,
        ),
    )


def _listening(host: Host, ports: Sequence[int], udp_ports: Sequence[int]) -> Host:
    """The host with its listeners, where it does not serve in another way."""
    if host.ports:
        return host
    names = [DNS] if host.asks else []
    return replace(
        host,
        ports=tuple(port for port in ports if port not in (*host.forwards, *names)),
        udp_ports=tuple(port for port in udp_ports if port not in names),
    )


def _outside(network: Network, place: Place, road: Road) -> Host:
    """A place outside owns every address of its ranges, and sends everything to us."""
    lines = [
        f"addr add {road.there}/30 dev eth0",
        "link set eth0 up",
        f"addr add {place.address}/32 dev lo",
        *(f"route add local {cidr} dev lo" for cidr in place.ranges if cidr.prefixlen < 32),
        f"route add default via {road.here} src {place.address}",
    ]
    machines_only = place.kind == "link-local"
    return Host(
        name=place.name,
        device=road.device,
        address=str(road.there),
        setup=_text(lines),
        rules=machine_service_rules(network, place) if machines_only else "",
        ports=(SERVICE_PORT,) if machines_only else (),
    )


def _inside(network: Network, place: Place, unfiltered: Sequence[IPv4Address]) -> Host:
    cidr = network.subnets[place.subnet].cidr
    lines = [
        f"addr add {place.address}/{cidr.prefixlen} dev eth0",
        "link set eth0 up",
        f"route add default via {cidr[1]}",
    ]
    return Host(
        name=place.name,
        device=router.subnet_devices(network)[place.subnet],
        address=str(place.address),
        setup=_text(lines),
        rules=host_rules(network, place, unfiltered),
        forwards=_forwards(network, place),
        asks=str(network.ranges[0][RESOLVER_PLACE]) if place.role.startswith("dns") else "",
    )


def _forwards(network: Network, place: Place) -> Mapping[int, tuple[tuple[str, int], ...]]:
    """Listeners of the load balancer's interface, and the gateway pods that it may hand a connection to."""
    front = network.front
    if place.kind != "front" or front is None:
        return {}
    targets = tuple(
        (str(pod.address), front.target_port)
        for pod in network.places.values()
        if pod.kind == "pod" and pod.role.startswith("gateway") and (front.cross_zone or pod.zone == place.zone)
    )
    return dict.fromkeys(front.listeners, targets)


def _records(network: Network) -> Mapping[str, tuple[str, ...]]:
    """Names of private zones, below which everything has the addresses of the load balancer."""
    fronts = tuple(str(place.address) for place in network.places.values() if place.kind == "front")
    return {zone.domain: fronts for zone in network.zones if fronts}


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
