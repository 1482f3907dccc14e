"""Whom a planned network knows outside of itself, and what every machine finds at link-local addresses."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from components.network.reachability.model import Place, PlaceKind, RouteTable
from components.network.reachability.references import References
from components.network.reachability.routes_reader import PEERINGS, VPN_GATEWAY

RESOLVER: Final = IPv4Address("169.254.169.253")
"""The VPC's resolver, also at the VPC's base address plus two. Source: VPC User Guide, "Amazon DNS server"."""
METADATA: Final = IPv4Address("169.254.169.254")
"""Source: EC2 User Guide, "Access instance metadata"."""
IDENTITY_AGENT: Final = IPv4Address("169.254.170.23")
"""Source: EKS User Guide, "Pod Identity considerations"."""
INTERNET: Final = IPv4Address("1.1.1.1")
"""Stands for every public address that is not S3's."""
CONSUMER: Final = IPv4Address("192.0.2.10")
"""A consumer's addresses lie in its own VPC and may be any: this one is of RFC 5737, so that no rule names it."""
HOST: Final = 10
"""Which address of an outside range stands for it."""


def read_outside(
    found: References, tables: Mapping[str, RouteTable], storage: Mapping[str, Sequence[IPv4Network]]
) -> list[Place]:
    """Peers, places on premises, PrivateLink consumers, S3, the internet, and link-local services.

    Args:
        found: the plan.
        tables: all route tables: a peer is where routes over its connection lead.
        storage: name of a gateway endpoint -> ranges of its prefix list.
    """
    return [
        *_peers(found, tables),
        *_on_premises(found),
        *_consumers(found),
        *_storage(storage),
        _outside("internet", "internet", [IPv4Network(f"{INTERNET}/32")], "the internet", ""),
        *_link_local(found),
    ]


def _outside(role: str, kind: PlaceKind, ranges: Sequence[IPv4Network], title: str, via: str) -> Place:
    first = ranges[0]
    return Place(
        name=role,
        role=role,
        kind=kind,
        address=first[min(HOST, first.num_addresses - 1)],
        title=title,
        ranges=tuple(ranges),
        via=via,
    )


def _peers(found: References, tables: Mapping[str, RouteTable]) -> Iterator[Place]:
    for connection in found.of(*PEERINGS):
        name = connection.name.removeprefix("peering-").removesuffix("-connection").removesuffix("-accepter")
        routes = [route for table in tables.values() for route in table.routes if route.target == connection.name]
        if ranges := list(dict.fromkeys(route.destination for route in routes)):
            yield _outside(f"peer-{name}", "peer", ranges, f"peer {name}", connection.name)


def _on_premises(found: References) -> Iterator[Place]:
    token = "aws:ec2/vpnConnection:VpnConnection"
    gateway = next((each.name for each in found.of(VPN_GATEWAY)), "")
    ranges: dict[str, list[IPv4Network]] = {}
    for route in found.of("aws:ec2/vpnConnectionRoute:VpnConnectionRoute"):
        connection = found.name(route, "vpnConnectionId", token)
        ranges.setdefault(connection, []).append(IPv4Network(route.inputs["destinationCidrBlock"]))
    for connection, theirs in ranges.items():
        name = connection.removeprefix("vpn-").removesuffix("-connection")
        yield _outside(f"on-premises-{name}", "on-premises", theirs, f"on premises: {name}", gateway)


def _consumers(found: References) -> Iterator[Place]:
    for service in found.of("aws:ec2/vpcEndpointService:VpcEndpointService"):
        cidr = IPv4Network(f"{CONSUMER}/32")
        yield _outside("private-link", "consumer", [cidr], "PrivateLink consumer", service.name)


def _storage(storage: Mapping[str, Sequence[IPv4Network]]) -> Iterator[Place]:
    for endpoint, ranges in storage.items():
        if ranges:
            yield _outside("s3", "storage", ranges, "S3", endpoint)


def _link_local(found: References) -> Iterator[Place]:
    services = [("resolver", RESOLVER, "the VPC's resolver"), ("instance-metadata", METADATA, "instance metadata")]
    add_ons = {str(add_on.inputs.get("addonName")) for add_on in found.of("aws:eks/addon:Addon")}
    if "eks-pod-identity-agent" in add_ons:
        services.append(("pod-identity-agent", IDENTITY_AGENT, "Pod Identity agent"))
    for role, address, title in services:
        yield Place(name=role, role=role, kind="link-local", address=address, title=title)
