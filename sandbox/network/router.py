"""The router in the middle, which plays AWS's: a bridge for each subnet, its route table, its stateless access list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from components.network.reachability.model import AclEntry, Network, Place, Route, Subnet

_FIRST_TABLE = 1000
_ROADS = IPv4Network("198.18.0.0/15")
"""Of RFC 2544, for tests of devices: addresses of the roads to places outside, which no plan may name."""


@dataclass(frozen=True, kw_only=True)
class Road:
    """The way from the router to one place outside.

    Attributes:
        device: the router's bridge.
        here: the router's address on it.
        there: the place's.
    """

    device: str
    here: IPv4Address
    there: IPv4Address


def subnet_devices(network: Network) -> Mapping[str, str]:
    """Subnet -> its bridge; kernel names have at most 15 characters, too few for ours."""
    return {name: f"s{place}" for place, name in enumerate(sorted(network.subnets))}


def roads_outside(outside: Sequence[Place]) -> Mapping[str, Road]:
    """Place -> its road, each a range of four addresses."""
    pairs = zip(outside, _ROADS.subnets(new_prefix=30), strict=False)
    return {
        place.name: Road(device=f"o{number}", here=cidr[1], there=cidr[2]) for number, (place, cidr) in enumerate(pairs)
    }


def setup(network: Network, roads: Mapping[str, Road], resolvers: Sequence[IPv4Address]) -> str:
    """Bridges with the router's addresses, and the resolver's. Source: VPC User Guide, "Subnet sizing"."""
    lines = [f"addr add {address}/32 dev lo" for address in resolvers]
    for name, device in subnet_devices(network).items():
        cidr = network.subnets[name].cidr
        lines += _bridge(device, f"{cidr[1]}/{cidr.prefixlen}")
    for road in roads.values():
        lines += _bridge(road.device, f"{road.here}/30")
    return "".join(f"{line}\n" for line in lines)


def _bridge(device: str, address: str) -> list[str]:
    # Its delay is for loops of cables, of which there are none.
    return [
        f"link add {device} type bridge forward_delay 0",
        f"addr add {address} dev {device}",
        f"link set {device} up",
    ]


def routing(network: Network, roads: Mapping[str, Road]) -> str:
    """A table for each subnet's packets and one for each road's; what a table does not know goes nowhere."""
    devices = subnet_devices(network)
    lines: list[str] = []
    number = _FIRST_TABLE
    for name, subnet in network.subnets.items():
        number += 1
        lines += _rules(devices[name], number)
        lines += [f"route add {line} table {number}" for line in _subnet_routes(network, subnet, roads)]
    for name, road in roads.items():
        number += 1
        lines += _rules(road.device, number)
        lines += [f"route add {line} table {number}" for line in _entry(network, network.places[name], roads)]
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def _rules(device: str, table: int) -> list[str]:
    return [
        f"rule add iif {device} lookup {table} pref {table}",
        f"rule add iif {device} blackhole pref {table + 10000}",
    ]


def _subnet_routes(network: Network, subnet: Subnet, roads: Mapping[str, Road]) -> Iterator[str]:
    """Lines of its table, and what AWS routes past every table: link-local services, answers to PrivateLink."""
    table = network.route_tables.get(subnet.route_table)
    routes = table.routes if table else tuple(_local(network, cidr) for cidr in network.ranges)
    for route in routes:
        yield from _route(network, route, roads)
    for place in network.places.values():
        if place.name in roads and (
            place.kind == "link-local" or (place.kind == "consumer" and _fronts(network, subnet))
        ):
            yield f"{place.address}/32 {_via(roads[place.name])}"


def _fronts(network: Network, subnet: Subnet) -> list[Place]:
    return [place for place in network.places.values() if place.kind == "front" and place.subnet == subnet.name]


def _local(network: Network, cidr: IPv4Network) -> Route:
    return Route(destination=cidr, kind="local", target="local", name="")


def _route(network: Network, route: Route, roads: Mapping[str, Road]) -> Iterator[str]:
    """One line of a route table as the kernel takes it; one to nobody swallows its packets."""
    yield f"blackhole {route.destination} metric 9999"
    if route.kind == "local":
        yield from _subnets_within(network, route.destination)
    for place in network.places.values():
        if route.kind == "other":
            if place.kind == "internet":
                yield f"{route.destination} {_via(roads[place.name])}"
        elif place.name in roads and place.via == route.target:
            # A VPN gateway hands a packet to the tunnel whose static routes name it; a peer takes its own range only.
            for cidr in place.ranges:
                if shared := _narrower(cidr, route.destination):
                    yield f"{shared} {_via(roads[place.name])}"


def _narrower(one: IPv4Network, other: IPv4Network) -> IPv4Network | None:
    return one if one.subnet_of(other) else other if other.subnet_of(one) else None


def _subnets_within(network: Network, cidr: IPv4Network) -> Iterator[str]:
    devices = subnet_devices(network)
    for name, subnet in network.subnets.items():
        if subnet.cidr.subnet_of(cidr):
            yield f"{subnet.cidr} dev {devices[name]}"


def _entry(network: Network, place: Place, roads: Mapping[str, Road]) -> Iterator[str]:
    """Where packets from outside may go: into the VPC, never through it; from PrivateLink only to the balancer."""
    if place.kind == "consumer":
        devices = subnet_devices(network)
        for front in network.places.values():
            if front.kind == "front":
                yield f"{front.address}/32 dev {devices[front.subnet]}"
    else:
        for cidr in network.ranges:
            yield from _subnets_within(network, cidr)


def _via(road: Road) -> str:
    return f"via {road.there} dev {road.device}"


def filters(network: Network, roads: Mapping[str, Road]) -> str:
    """What `nft -f` reads on the router: access lists without any memory of connections, and who may ask the resolver.

    Packets within one subnet cross its bridge and never come here, as AWS filters none of them.
    Source: VPC User Guide, "Network ACLs": link-local services and the resolver are not filtered.
    """
    devices = subnet_devices(network)
    exempt = [f"{place.address}" for place in network.places.values() if place.kind in ("link-local", "consumer")]
    lists = {subnet.acl for subnet in network.subnets.values()}
    chains = "".join(_chain(network, name, direction) for name in sorted(lists) for direction in ("out", "in"))
    outside = ", ".join(f'"{road.device}"' for road in roads.values())
    forward = [f"ip {side} {{ {', '.join(exempt)} }} accept" for side in ("saddr", "daddr") if exempt]
    blocked = [roads[place.name].device for place in network.places.values() if place.kind == "internet"]
    if network.public_access_blocked:
        forward = [f'{side} "{device}" drop' for device in blocked for side in ("iifname", "oifname")] + forward
    for direction, key in (("out", "iifname"), ("in", "oifname")):
        pairs = ", ".join(
            f'"{devices[name]}" : jump {_chain_name(subnet.acl, direction)}' for name, subnet in network.subnets.items()
        )
        forward.append(f"{key} vmap {{ {pairs} }}")
    return (
        "table ip access_lists {\n"
        f"{chains}"
        f"  chain forward {{\n    type filter hook forward priority 0; policy accept;\n{_indented(forward)}  }}\n"
        "  chain resolver {\n    type filter hook input priority 0; policy accept;\n"
        f"    iifname {{ {outside} }} drop\n  }}\n"
        "}\n"
    )


def _chain(network: Network, name: str, direction: str) -> str:
    acl = network.acls.get(name)
    lines = ["return"]  # AWS's default list, which lets everything through, where the plan does not empty it
    if acl is not None:
        entries, side = (acl.egress, "daddr") if direction == "out" else (acl.ingress, "saddr")
        lines = [*(_entry_line(entry, side) for entry in sorted(entries, key=lambda entry: entry.number)), "drop"]
    return f"  chain {_chain_name(name, direction)} {{\n{_indented(lines)}  }}\n"


def _entry_line(entry: AclEntry, side: str) -> str:
    ports = "" if entry.protocol == "all" else f"{entry.protocol} dport {entry.ports[0]}-{entry.ports[1]} "
    return f"ip {side} {entry.cidr} {ports}{'return' if entry.action == 'allow' else 'drop'}"


def _chain_name(acl: str, direction: str) -> str:
    return f"{direction}_{acl.replace('-', '_') or 'none'}"


def _indented(lines: Sequence[str]) -> str:
    return "".join(f"    {line}\n" for line in lines)
