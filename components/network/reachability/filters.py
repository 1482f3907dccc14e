"""Single decisions about one packet: a route, a network ACL, security groups. Each says in words what decided."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final, Literal

from components.network.reachability.model import (
    ALL_PORTS,
    Acl,
    AclEntry,
    GroupRule,
    Network,
    Place,
    Route,
    Subnet,
    Transport,
)
from components.network.reachability.verdict import Step

Direction = Literal["ingress", "egress"]
EPHEMERAL: Final = (1024, 65535)
"""Where answers go, on every operating system. Source: VPC User Guide, "Ephemeral ports"."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What a connection is, seen from who opens it."""

    protocol: Transport
    port: int

    def __str__(self) -> str:
        return f"{self.protocol} {self.port}"


def best_route(network: Network, table: str, address: IPv4Address) -> Route | None:
    """The line of a table that AWS follows: the longest prefix that holds the address."""
    if table not in network.route_tables:
        routes: Iterable[Route] = (
            Route(destination=cidr, kind="local", target="local", name="") for cidr in network.ranges
        )
    else:
        routes = network.route_tables[table].routes
    fitting = [route for route in routes if address in route.destination]
    return max(fitting, key=lambda route: route.destination.prefixlen, default=None)


def route_step(network: Network, subnet: Subnet, target: Place, address: IPv4Address, way: str = "") -> Step:
    """Whether the table of a subnet leads to somebody at an address.

    Args:
        network: the network.
        subnet: where the packet starts.
        target: whom it is for.
        address: the target's address that the packet carries.
        way: `back ` for an answer.
    """
    table = subnet.route_table or "the VPC's main table"
    route = best_route(network, subnet.route_table, address)
    if route is None:
        return Step(allowed=False, text=f"{way}no route to {address} in {table}")
    text = f"{way}route {route.destination} {_words(route)} in {table}"
    wanted = {
        "peer": ("peering", target.via),
        "on-premises": ("vpn", target.via),
        "storage": ("storage", target.via),
        "internet": ("other", route.target),
    }.get(target.kind, ("local", "local"))
    if (route.kind, route.target) != wanted:
        return Step(allowed=False, text=f"{text} does not lead to {target.name}")
    if target.kind == "internet" and network.public_access_blocked:
        return Step(allowed=False, text=f"{text}, but the account's public access block stops it")
    return Step(allowed=True, text=text)


def acl_step(acl: Acl | None, direction: Direction, flow: Flow, other: IPv4Address) -> Step:
    """What one network ACL says to one packet: the first entry that fits decides, the last word is no."""
    if acl is None:
        return Step(allowed=True, text=f"AWS's default ACL {direction} lets everything through")
    side = "from" if direction == "ingress" else "to"
    for entry in acl.ingress if direction == "ingress" else acl.egress:
        if _fits(entry.protocol, entry.ports, flow) and other in entry.cidr:
            text = f"ACL {acl.name} {direction} {entry.number}: {entry.action} {_ports(entry.protocol, entry.ports)}"
            return Step(allowed=entry.action == "allow", text=f"{text} {side} {entry.cidr}")
    return Step(allowed=False, text=f"ACL {acl.name} {direction}: no entry for {flow} {side} {other}")


def return_steps(network: Network, source: Place, destination: Place, flow: Flow) -> Iterator[Step]:
    """What both network ACLs, which remember nothing, say to the answer.

    The answer goes to a port that the client chose. It is let through if there is any such port, because whoever wants
    to be answered can choose; the words say when not all of them work.
    """
    asked: list[tuple[Acl | None, Direction, IPv4Address]] = []
    if destination.subnet:
        asked.append((network.acls.get(network.subnets[destination.subnet].acl), "egress", source.address))
    if source.subnet:
        asked.append((network.acls.get(network.subnets[source.subnet].acl), "ingress", destination.address))
    ports = _edges(acl for acl, _, _ in asked)
    verdicts = {
        port: [acl_step(acl, way, Flow(protocol=flow.protocol, port=port), other) for acl, way, other in asked]
        for port in ports
    }
    good = [port for port, steps in verdicts.items() if all(step.allowed for step in steps)]
    for step in verdicts[good[0] if good else ports[0]]:
        yield Step(allowed=step.allowed or bool(good), text=f"back {step.text}")
    if good and len(good) < len(ports):
        yield Step(allowed=True, text=f"back only to some ports of {EPHEMERAL[0]}-{EPHEMERAL[1]}, {good[0]} among them")


def group_step(
    network: Network, place: Place, direction: Direction, flow: Flow, other: Place, address: IPv4Address
) -> Step:
    """What the security groups around an interface say: any rule of any group suffices, answers need none.

    Args:
        network: the network.
        place: whose groups are asked.
        direction: seen from the place.
        flow: what is opened.
        other: the other end; a rule may name a group around it.
        address: the other end's address.
    """
    side = "from" if direction == "ingress" else "to"
    if not place.groups:
        return Step(allowed=True, text=f"{place.name} has no security group and is not filtered by one")
    for name in place.groups:
        for rule in getattr(network.groups[name], direction) if name in network.groups else ():
            if _fits(rule.protocol, rule.ports, flow) and _names(network, rule, other, address):
                what = rule.cidr or rule.group or rule.prefix_list
                text = f"group {name} {direction}: {_ports(rule.protocol, rule.ports)} {side} {what}"
                return Step(allowed=True, text=text)
    groups = ", ".join(place.groups)
    return Step(allowed=False, text=f"group {groups} {direction}: no rule for {flow} {side} {other.name}")


def _names(network: Network, rule: GroupRule, other: Place, address: IPv4Address) -> bool:
    if rule.cidr is not None:
        return address in rule.cidr
    if rule.group is not None:
        return rule.group in other.groups
    return any(address in cidr for cidr in network.storage.get(rule.prefix_list or "", ()))


def _fits(protocol: Transport, ports: tuple[int, int], flow: Flow) -> bool:
    return protocol in ("all", flow.protocol) and ports[0] <= flow.port <= ports[1]


def _edges(acls: Iterable[Acl | None]) -> list[int]:
    """One port of each stretch of ephemeral ports within which no entry begins or ends."""
    first, last = EPHEMERAL
    entries: Sequence[AclEntry] = [entry for acl in acls if acl for entry in (*acl.ingress, *acl.egress)]
    edges = {first, *(entry.ports[0] for entry in entries), *(entry.ports[1] + 1 for entry in entries)}
    return sorted(port for port in edges if first <= port <= last)


def _ports(protocol: Transport, ports: tuple[int, int]) -> str:
    if protocol == "all":
        return "everything"
    if ports == ALL_PORTS:
        return f"all {protocol}"
    return f"{protocol} {ports[0]}" if ports[0] == ports[1] else f"{protocol} {ports[0]}-{ports[1]}"


def _words(route: Route) -> str:
    return "local" if route.kind == "local" else f"to {route.target}"
