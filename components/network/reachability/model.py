"""A planned network as plain data: ranges, subnets, routes, filters, and everything in it that has an address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Final, Literal

from components.network.reachability.pods import NetworkPolicy, Pod

SubnetKind = Literal["nodes", "pods", "endpoints", "runner"]
RouteKind = Literal["local", "peering", "vpn", "storage", "other"]
PlaceKind = Literal[
    "node",
    "pod",
    "endpoint",
    "front",
    "control-plane",
    "runner",
    "peer",
    "on-premises",
    "consumer",
    "link-local",
    "storage",
    "internet",
]
OUTSIDE: Final[frozenset[PlaceKind]] = frozenset({"peer", "on-premises", "consumer", "storage", "internet"})
"""What has no interface in the VPC; its own filters and routes are not ours to know and count as open."""
Transport = Literal["tcp", "udp", "all"]
ALL_PORTS: Final = (0, 65535)


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """One subnet of one zone.

    Attributes:
        name: logical name of the resource, as of everything below.
        route_table: name of its table; empty if none is planned: then it knows the VPC's own ranges.
        acl: name of its network ACL; empty if none is planned: then AWS's default, which lets everything through.
    """

    name: str
    zone: str
    kind: SubnetKind
    cidr: IPv4Network
    route_table: str
    acl: str


@dataclass(frozen=True, kw_only=True)
class Route:
    """One line of a route table.

    Attributes:
        destination: a range; a gateway endpoint stands here once for each range of its prefix list.
        kind: what the target is; `other` is whatever may lead to the internet.
        target: name of the connection, VPN gateway or endpoint; the literal id if it is not planned.
        name: the resource that declares the line.
    """

    destination: IPv4Network
    kind: RouteKind
    target: str
    name: str


@dataclass(frozen=True, kw_only=True)
class RouteTable:
    """All lines, the VPC's own ranges (`local`) among them."""

    name: str
    routes: tuple[Route, ...]


@dataclass(frozen=True, kw_only=True)
class AclEntry:
    """One numbered rule of a network ACL.

    Attributes:
        ports: first and last destination port, both inclusive.
    """

    number: int
    action: Literal["allow", "deny"]
    protocol: Transport
    ports: tuple[int, int]
    cidr: IPv4Network


@dataclass(frozen=True, kw_only=True)
class Acl:
    """A stateless filter around subnets: entries by number, the first that fits decides, the last word is no."""

    name: str
    ingress: tuple[AclEntry, ...]
    egress: tuple[AclEntry, ...]


@dataclass(frozen=True, kw_only=True)
class GroupRule:
    """One allowance of a security group: to or from exactly one of a range, a group, or S3's prefix list.

    Attributes:
        ports: first and last destination port, both inclusive.
        group: name of a security group; for `self` the group's own.
        prefix_list: name of the gateway endpoint whose list it is; the literal id if it is not planned.
    """

    protocol: Transport
    ports: tuple[int, int]
    cidr: IPv4Network | None = None
    group: str | None = None
    prefix_list: str | None = None


@dataclass(frozen=True, kw_only=True)
class SecurityGroup:
    """A stateful filter around interfaces; what no rule allows is refused."""

    name: str
    ingress: tuple[GroupRule, ...]
    egress: tuple[GroupRule, ...]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Something with an address: an interface of the VPC, or somebody outside.

    Attributes:
        name: `<role>-<zone>` for what stands in a zone, `<role>-pods-<zone>` in its pod subnet, the role otherwise.
        role: what it is, the same in every zone: `node`, `gateway`, `endpoints-ecr-api`, `peer-apps` …
        zone: empty outside.
        subnet: empty outside.
        address: one that it may have; distinct for all places of a network.
        ranges: where else it may be, for those outside; empty inside.
        groups: security groups around its interface.
        pod: for pods, what NetworkPolicies know of it.
        via: for those outside, the connection or gateway that leads to them.
        title: words for people.
    """

    name: str
    role: str
    kind: PlaceKind
    address: IPv4Address
    title: str
    zone: str = ""
    subnet: str = ""
    ranges: tuple[IPv4Network, ...] = ()
    groups: tuple[str, ...] = ()
    pod: Pod | None = None
    via: str = ""


@dataclass(frozen=True, kw_only=True)
class Front:
    """The load balancer before the gateway: listener port -> port of the pods.

    Attributes:
        listeners: ports that it answers on.
        target_port: where gateway pods listen.
        cross_zone: whether an address in one zone hands over to pods of another.
        keeps_client_address: whether pods see the client's address instead of the balancer's.
        filters_private_link: whether its security group also filters what comes through PrivateLink.
    """

    name: str
    listeners: tuple[int, ...]
    target_port: int
    cross_zone: bool
    keeps_client_address: bool
    filters_private_link: bool


@dataclass(frozen=True, kw_only=True)
class NameRule:
    """One rule of the name firewall; the lowest priority that fits decides.

    Attributes:
        domains: names, and `*.name` for everything below one; `*` is every name.
        domain_list: the resource that holds them.
    """

    name: str
    priority: int
    action: Literal["ALLOW", "BLOCK", "ALERT"]
    domains: tuple[str, ...]
    domain_list: str


@dataclass(frozen=True, kw_only=True)
class PrivateZone:
    """A private hosted zone, and the peers (roles) that may resolve it as well as our VPC."""

    name: str
    domain: str
    peers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Network:
    """Everything that decides who reaches whom; the mappings are keyed by logical name.

    Attributes:
        ranges: the VPC's, the primary one first.
        storage: name of the gateway endpoint -> S3's ranges behind its prefix list.
        front: None where the gateway has no load balancer.
        name_rules: by priority; empty where no name firewall is bound to the VPC, and every name resolves.
        public_access_blocked: whether the account's block stops everything to and from internet gateways.
        pods_filtered: whether a serving stack was read; without it no NetworkPolicy is known.
        pods_reach_metadata: whether pods can get an answer of their node's instance metadata.
    """

    ranges: tuple[IPv4Network, ...]
    subnets: Mapping[str, Subnet]
    route_tables: Mapping[str, RouteTable]
    acls: Mapping[str, Acl]
    groups: Mapping[str, SecurityGroup]
    storage: Mapping[str, tuple[IPv4Network, ...]]
    places: Mapping[str, Place]
    front: Front | None = None
    name_rules: tuple[NameRule, ...] = ()
    zones: tuple[PrivateZone, ...] = ()
    public_access_blocked: bool = False
    pods_filtered: bool = False
    pods_reach_metadata: bool = True
    policies: tuple[NetworkPolicy, ...] = ()
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
