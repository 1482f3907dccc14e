"""Security groups and network ACLs: private ranges of the estate, and S3 by TLS outwards; nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..addresses import inside, is_storage, is_storage_list, only_tcp
from ..findings import Resource, each, given, items, known_items, names
from ..rules import Rule, rule

_SOURCE = "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"
_FIX = (
    "Name ranges of the VPC, a peer or an on-premises network, a managed security group, or S3 (its prefix list or "
    "published ranges) for TCP 443 outwards."
)
# What answers of S3 come back to: the ports that Linux and NLBs call from.
_REPLIES = (1024, 65535)
_TLS = (443, 443)


def rule_problems(
    entry: Mapping[str, Any], resource: Resource, *, outwards: bool, storage_ports: tuple[int, int] | None
) -> Iterator[str]:
    """What one rule opens beyond the estate, however it is written; S3 may be named for some ports, or for none."""
    estate = resource.estate
    for key in ("cidrBlocks", "cidrIpv4", "cidrBlock"):
        for cidr in items(entry.get(key)):
            if inside(cidr, estate.ranges):
                continue
            if not is_storage(cidr, estate):
                yield f"{key} holds {cidr!r}, which is not inside the estate"
            elif storage_ports is None or not only_tcp(entry, *storage_ports):
                ports = "" if storage_ports is None else f" but TCP {storage_ports[0]} to {storage_ports[1]}"
                way = "outwards" if outwards else "inwards"
                yield f"{key} holds {cidr!r}, a range of S3, which may be named for nothing{ports} {way}"
    for key in ("ipv6CidrBlocks", "cidrIpv6", "ipv6CidrBlock"):
        if list(items(entry.get(key) or None)):
            yield f"{key} is set"
    for key in ("securityGroups", "sourceSecurityGroupId", "referencedSecurityGroupId"):
        for group in known_items(entry, key):
            account, slash, _ = str(group).rpartition("/")
            if slash and account not in _peer_accounts(resource):
                yield f"{key} names a security group of account {account}"
    yield from _prefix_list_problems(entry, resource, outwards)


def _prefix_list_problems(entry: Mapping[str, Any], resource: Resource, outwards: bool) -> Iterator[str]:
    """What a prefix list opens; the estate policy proves that an id that is not known yet is a gateway endpoint's."""
    for key in ("prefixListIds", "prefixListId"):
        if not names(entry, key) or given(entry, key) == 0:
            continue
        for value in known_items(entry, key):
            if not is_storage_list(value, resource.region, resource.estate):
                yield f"{key} holds {value!r}, neither S3's list in {resource.region} nor one of the estate's"
        if not outwards or not only_tcp(entry, *_TLS):
            yield f"{key} opens more than TCP 443 outwards"


def _peer_accounts(resource: Resource) -> set[str]:
    return {peer.account for peer in resource.estate.peers} | set(resource.estate.accounts)


@rule("aws:ec2/securityGroup:SecurityGroup", fix=_FIX, source=_SOURCE, severity="critical")
def egress_security_group_stays_inside(group: Resource) -> Iterator[str]:
    """A security group lets traffic flow inside the estate, and to S3 by TLS, only."""
    for direction in ("egress", "ingress"):
        outwards = direction == "egress"
        for path, entry in each(group.props, direction):
            for problem in rule_problems(entry, group, outwards=outwards, storage_ports=_TLS if outwards else None):
                yield f"{path}: {problem}"


@rule(
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    fix=_FIX,
    source=_SOURCE,
    severity="critical",
)
def egress_security_rule_stays_inside(entry: Resource) -> Iterator[str]:
    """A stand-alone security group rule lets traffic flow inside the estate, and to S3 by TLS, only."""
    outwards = entry.type.endswith("EgressRule") or entry.get("type") == "egress"
    yield from rule_problems(entry.props, entry, outwards=outwards, storage_ports=_TLS if outwards else None)


@rule(
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    fix="Adopt it with `ingress: []` and `egress: []`.",
    source=_SOURCE,
)
def egress_default_security_group_is_empty(group: Resource) -> Iterator[str]:
    """A VPC's default security group lets nothing through."""
    for direction in ("egress", "ingress"):
        if list(each(group.props, direction)):
            yield f"{direction} is not empty"


@rule(
    "aws:ec2/networkAcl:NetworkAcl",
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
    fix="Allow ranges of the estate; for S3's published ranges allow TCP 443 outwards and 1024-65535 inwards.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html",
)
def egress_network_acl_stays_inside(acl: Resource) -> Iterator[str]:
    """A network ACL allows traffic inside the estate, and TLS to S3 with its answers, only."""
    for direction, ports in (("egress", _TLS), ("ingress", _REPLIES)):
        for path, entry in each(acl.props, direction):
            if str(entry.get("action")).lower() == "allow":
                for problem in rule_problems(entry, acl, outwards=direction == "egress", storage_ports=ports):
                    yield f"{path}: {problem}"


@rule(
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
    fix="Associate subnets with an ACL of their own.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/default-network-acl.html",
)
def egress_default_network_acl_has_no_subnets(acl: Resource) -> Iterator[str]:
    """No subnet is left on the default network ACL by name."""
    if given(acl.props, "subnetIds"):
        yield "subnetIds is not empty"


RULES: tuple[Rule, ...] = (
    egress_security_group_stays_inside,
    egress_security_rule_stays_inside,
    egress_default_security_group_is_empty,
    egress_network_acl_stays_inside,
    egress_default_network_acl_has_no_subnets,
)
