"""Whether one address may stand for a whole subnet or range: only if no filter draws a line through it."""

from collections.abc import Iterator
from ipaddress import IPv4Network

from components.network.reachability.model import Network


def splits(network: Network) -> tuple[str, ...]:
    """Every rule that treats two addresses of the same subnet or outside range differently.

    With none, a verdict about the address of a place holds for every address that could be in its stead.
    """
    wholes = {
        **{subnet.name: subnet.cidr for subnet in network.subnets.values()},
        **{f"{place.name} ({cidr})": cidr for place in network.places.values() for cidr in place.ranges},
    }
    return tuple(
        f"{who} names {cidr}, which is a part of {name}"
        for who, cidr in _named(network)
        for name, whole in wholes.items()
        if cidr != whole and cidr.subnet_of(whole)
    )


def _named(network: Network) -> Iterator[tuple[str, IPv4Network]]:
    """Every range that some line of a filter, table or policy names."""
    for table in network.route_tables.values():
        for route in table.routes:
            yield f"route table {table.name}", route.destination
    for acl in network.acls.values():
        for entry in (*acl.ingress, *acl.egress):
            yield f"ACL {acl.name}", entry.cidr
    for group in network.groups.values():
        for rule in (*group.ingress, *group.egress):
            if rule.cidr is not None:
                yield f"group {group.name}", rule.cidr
    for policy in network.policies:
        for allowance in (*(policy.ingress or ()), *(policy.egress or ())):
            for peer in allowance.peers:
                if peer.cidr is not None:
                    yield f"NetworkPolicy {policy.name}", peer.cidr
                yield from ((f"NetworkPolicy {policy.name}", exception) for exception in peer.exceptions)
