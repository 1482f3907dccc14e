"""What is built: namespaces, their addresses, rules and servers, as plain data that a process can be sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Host:
    """One place with a network namespace of its own.

    Attributes:
        name: what its servers answer to everybody who connects.
        device: the router's bridge (a subnet, or the road to a network outside) that its cable ends at.
        address: its own on that bridge.
        setup: lines of `ip -batch` that run inside; its own end of the cable is called eth0.
        rules: what `nft -f` reads inside.
        ports: where it accepts TCP connections.
        udp_ports: where it answers datagrams.
        forwards: port -> addresses and ports that a connection is handed on to, in turn (a load balancer).
        asks: address of the resolver that its own resolver hands questions on to; empty for none.
    """

    name: str
    device: str
    address: str
    setup: str
    rules: str = ""
    ports: tuple[int, ...] = ()
    udp_ports: tuple[int, ...] = ()
    forwards: Mapping[int, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    asks: str = ""


@dataclass(frozen=True, kw_only=True)
class NameRule:
    """One rule of the name firewall: what becomes of questions for these names."""

    action: str
    block_response: str
    patterns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """The VPC's resolver.

    Attributes:
        addresses: where it listens, on the router.
        rules: the name firewall's, in order; a name that none of them knows is allowed, as in Route 53.
        records: name or wildcard -> addresses, of private zones and endpoints.
        public: what the world's resolvers would answer for any other name.
    """

    addresses: tuple[str, ...]
    rules: tuple[NameRule, ...]
    records: Mapping[str, tuple[str, ...]]
    public: str


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything: the router in the middle, and the hosts around it.

    Attributes:
        setup: lines of `ip -batch` for the router: bridges, addresses.
        roads: lines of `ip -batch` for the router that need its cables: routes and rules.
        rules: what `nft -f` reads on the router.
    """

    setup: str
    roads: str
    rules: str
    hosts: tuple[Host, ...]
    resolver: Resolver


@dataclass(frozen=True, kw_only=True)
class Knock:
    """One attempt to connect, or one datagram.

    Attributes:
        source: a host.
        address: what it connects to.
        from_address: which of its addresses it uses; empty for its only one.
        from_port: 0 for any.
    """

    source: str
    address: str
    port: int
    transport: str = "tcp"
    from_address: str = ""
    from_port: int = 0


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question for a name's address, over UDP or TCP."""

    source: str
    server: str
    name: str
    transport: str = "udp"


def to_json(value: Any) -> str:
    """One line of JSON."""
    return json.dumps(asdict(value))


def world_from(document: Mapping[str, Any]) -> World:
    """The world out of its JSON."""
    hosts = []
    for host in document["hosts"]:
        forwards = {
            int(port): tuple((str(address), int(target)) for address, target in targets)
            for port, targets in host["forwards"].items()
        }
        listening = {key: tuple(host[key]) for key in ("ports", "udp_ports")}
        hosts.append(Host(**{**host, **listening, "forwards": forwards}))
    resolver = document["resolver"]
    return World(
        setup=document["setup"],
        roads=document["roads"],
        rules=document["rules"],
        hosts=tuple(hosts),
        resolver=Resolver(
            addresses=tuple(resolver["addresses"]),
            rules=tuple(NameRule(**{**rule, "patterns": tuple(rule["patterns"])}) for rule in resolver["rules"]),
            records={name: tuple(addresses) for name, addresses in resolver["records"].items()},
            public=resolver["public"],
        ),
    )
