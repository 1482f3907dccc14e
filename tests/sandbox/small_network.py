"""A planned network by hand: two subnets, a load balancer, two pods, a node, a peer, S3 and the internet."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

from components.network.reachability.model import (
    ALL_PORTS,
    Acl,
    AclEntry,
    Front,
    GroupRule,
    Network,
    Place,
    Route,
    RouteTable,
    SecurityGroup,
    Subnet,
)
from components.network.reachability.pods import Pod

VPC: Final = IPv4Network("10.42.0.0/16")
INNER: Final = IPv4Network("10.42.0.0/24")
FRONT: Final = IPv4Network("10.42.1.0/24")
PEER: Final = IPv4Network("10.90.0.0/16")
STORAGE: Final = (IPv4Network("3.5.0.0/24"), IPv4Network("52.219.0.0/22"))
LOCAL: Final = Route(destination=VPC, kind="local", target="local", name="")


def place(name: str, kind: Any, address: str, **more: Any) -> Place:
    """A place that is called as its role is."""
    return Place(name=name, role=name, kind=kind, address=IPv4Address(address), title=name, **more)


def pod(name: str, address: str, labels: dict[str, str], namespace: str = "inference", **ports: int) -> Place:
    """A pod in the inner subnet, inside the nodes' group."""
    made = Pod(namespace=namespace, labels=labels, ports=ports)
    return place(name, "pod", address, subnet="inner", groups=("nodes",), pod=made, zone="a")


def entry(number: int, cidr: IPv4Network, ports: tuple[int, int] = ALL_PORTS, **more: Any) -> AclEntry:
    """An entry that allows TCP, or everything where no port is named."""
    protocol: Any = "all" if ports == ALL_PORTS else "tcp"
    return replace(AclEntry(number=number, action="allow", protocol=protocol, ports=ports, cidr=cidr), **more)


def allow(*ports: int, **target: Any) -> GroupRule:
    """An allowance for one TCP port, or for everything."""
    if not ports:
        return GroupRule(protocol="all", ports=ALL_PORTS, **target)
    return GroupRule(protocol="tcp", ports=(ports[0], ports[-1]), **target)


def network(**changes: Any) -> Network:
    """The network, with some of its parts replaced."""
    places = (
        place("node", "node", "10.42.0.10", subnet="inner", groups=("nodes",), zone="a"),
        pod("gateway", "10.42.0.20", {"app": "gateway"}, https=8443),
        pod("engine", "10.42.0.21", {"app": "engine"}, serving=8000),
        pod("dns", "10.42.0.22", {"k8s-app": "kube-dns"}, namespace="kube-system"),
        place("front", "front", "10.42.1.4", subnet="front", groups=("front",), zone="a"),
        place("peer", "peer", "10.90.0.10", ranges=(PEER,), via="peering"),
        place("s3", "storage", "3.5.0.10", ranges=STORAGE, via="s3-endpoint"),
        place("internet", "internet", "1.1.1.1", ranges=(IPv4Network("1.1.1.1/32"),)),
        place("resolver", "link-local", "169.254.169.253"),
        place("instance-metadata", "link-local", "169.254.169.254"),
    )
    storage_routes = tuple(
        Route(destination=cidr, kind="storage", target="s3-endpoint", name="s3-endpoint") for cidr in STORAGE
    )
    made = Network(
        ranges=(VPC,),
        subnets={
            "inner": Subnet(name="inner", zone="a", kind="nodes", cidr=INNER, route_table="inner", acl="inner"),
            "front": Subnet(name="front", zone="a", kind="endpoints", cidr=FRONT, route_table="front", acl="front"),
        },
        route_tables={
            "inner": RouteTable(name="inner", routes=(LOCAL, *storage_routes)),
            "front": RouteTable(
                name="front", routes=(LOCAL, Route(destination=PEER, kind="peering", target="peering", name="to-peer"))
            ),
        },
        acls={
            "inner": Acl(name="inner", ingress=(entry(100, VPC),), egress=(entry(100, VPC),)),
            "front": Acl(
                name="front",
                ingress=(entry(100, VPC), entry(200, PEER, (443, 443))),
                egress=(entry(100, VPC), entry(200, PEER, (1024, 65535))),
            ),
        },
        groups={
            "nodes": SecurityGroup(
                name="nodes",
                ingress=(allow(group="nodes"), allow(8443, group="front")),
                egress=(allow(group="nodes"), allow(443, prefix_list="s3-endpoint")),
            ),
            "front": SecurityGroup(name="front", ingress=(allow(443, cidr=PEER),), egress=(allow(8443, cidr=INNER),)),
        },
        storage={"s3-endpoint": STORAGE},
        places={each.name: each for each in places},
        front=Front(
            name="balancer",
            listeners=(443,),
            target_port=8443,
            cross_zone=False,
            keeps_client_address=False,
            filters_private_link=False,
        ),
        pods_filtered=True,
        namespaces={name: {"kubernetes.io/metadata.name": name} for name in ("inference", "kube-system")},
    )
    return replace(made, **changes)
