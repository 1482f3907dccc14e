"""Network ACLs and security groups of a plan."""

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, Final, Literal, cast

from components.network.reachability.model import ALL_PORTS, Acl, AclEntry, GroupRule, SecurityGroup, Transport
from components.network.reachability.references import References, Resource, UnreadablePlanError

GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
CLUSTER_GROUP: Final = "eks-cluster-group"
"""Made by EKS around the control plane's interfaces. Source: EKS User Guide, "Security group requirements"."""
VPC_DEFAULT_GROUP: Final = "vpc-default-group"
"""Around every interface that names no group."""
ANYWHERE: Final = IPv4Network("0.0.0.0/0")
TRANSPORTS: Final[Mapping[str, Transport | None]] = {
    "-1": "all",
    "all": "all",
    "tcp": "tcp",
    "6": "tcp",
    "udp": "udp",
    "17": "udp",
    "icmp": None,
    "1": None,
}
"""Protocol as AWS takes it -> as it is here; None where it carries no connection."""


def read_acls(found: References) -> dict[str, Acl]:
    """Name -> network ACL, its entries in the order in which AWS reads them."""
    return {
        acl.name: Acl(
            name=acl.name,
            ingress=_entries(acl.name, acl.inputs.get("ingress", [])),
            egress=_entries(acl.name, acl.inputs.get("egress", [])),
        )
        for acl in found.of("aws:ec2/networkAcl:NetworkAcl", "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl")
    }


def read_groups(found: References, prefix_lists: Mapping[str, str]) -> dict[str, SecurityGroup]:
    """Name -> security group, and those that AWS makes by itself.

    Args:
        found: the plan.
        prefix_lists: literal id -> name of the gateway endpoint whose list it is.
    """
    groups = {
        group.name: SecurityGroup(
            name=group.name,
            ingress=tuple(_rules(found, group, "ingress", group.name, prefix_lists)),
            egress=tuple(_rules(found, group, "egress", group.name, prefix_lists)),
        )
        for group in found.of(GROUP)
    }
    groups[CLUSTER_GROUP] = _open_group(CLUSTER_GROUP)
    groups[VPC_DEFAULT_GROUP] = _open_group(VPC_DEFAULT_GROUP)
    for default in found.of(DEFAULT_GROUP):
        groups[VPC_DEFAULT_GROUP] = SecurityGroup(
            name=VPC_DEFAULT_GROUP,
            ingress=tuple(_rules(found, default, "ingress", VPC_DEFAULT_GROUP, prefix_lists)),
            egress=tuple(_rules(found, default, "egress", VPC_DEFAULT_GROUP, prefix_lists)),
        )
    return groups


def _open_group(name: str) -> SecurityGroup:
    """As AWS makes groups: members among themselves, and every way out."""
    inside = GroupRule(protocol="all", ports=ALL_PORTS, group=name)
    return SecurityGroup(
        name=name, ingress=(inside,), egress=(GroupRule(protocol="all", ports=ALL_PORTS, cidr=ANYWHERE),)
    )


def _transport(name: str, rule: Mapping[str, Any]) -> tuple[Transport | None, tuple[int, int]]:
    protocol = str(rule["protocol"]).lower()
    if protocol not in TRANSPORTS:
        raise UnreadablePlanError(f"{name}: the analysis does not know protocol {protocol!r}")
    transport = TRANSPORTS[protocol]
    if transport in (None, "all"):
        return transport, ALL_PORTS
    return transport, (int(rule["fromPort"]), int(rule["toPort"]))


def _entries(name: str, declared: Sequence[Mapping[str, Any]]) -> tuple[AclEntry, ...]:
    entries = []
    for entry in declared:
        protocol, ports = _transport(name, entry)
        if protocol is None or not entry.get("cidrBlock"):
            continue
        entries.append(
            AclEntry(
                number=int(entry["ruleNo"]),
                action=cast(Literal["allow", "deny"], str(entry["action"]).lower()),
                protocol=protocol,
                ports=ports,
                cidr=IPv4Network(entry["cidrBlock"]),
            )
        )
    return tuple(sorted(entries, key=lambda entry: entry.number))


def _rules(
    found: References, group: Resource, key: str, own: str, prefix_lists: Mapping[str, str]
) -> Iterator[GroupRule]:
    for rule in group.inputs.get(key, []):
        protocol, ports = _transport(group.name, rule)
        if protocol is None:
            continue
        for cidr in rule.get("cidrBlocks") or []:
            yield GroupRule(protocol=protocol, ports=ports, cidr=IPv4Network(cidr))
        if rule.get("self"):
            yield GroupRule(protocol=protocol, ports=ports, group=own)
        for name in found.names(group, key, rule.get("securityGroups") or [], GROUP, DEFAULT_GROUP):
            yield GroupRule(protocol=protocol, ports=ports, group=name)
        for value in rule.get("prefixListIds") or []:
            yield GroupRule(
                protocol=protocol, ports=ports, prefix_list=_prefix_list(found, group, key, value, prefix_lists)
            )


def _prefix_list(found: References, group: Resource, key: str, value: str, prefix_lists: Mapping[str, str]) -> str:
    """The endpoint whose list it is: named literally, or an output of the endpoint."""
    if value in prefix_lists:
        return prefix_lists[value]
    endpoints = found.sources(group, key, "aws:ec2/vpcEndpoint:VpcEndpoint")
    gateways = [endpoint.name for endpoint in endpoints if endpoint.inputs.get("vpcEndpointType") == "Gateway"]
    return gateways[0] if len(gateways) == 1 else value
