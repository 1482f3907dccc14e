"""Security groups and network ACLs: private ranges of the estate only, in both directions."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..addresses import inside
from ..findings import Resource, each, items, known
from ..rules import Rule, rule

_SOURCE = "https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html"
_FIX = "Name ranges of the VPC or a peer, a managed security group, or the prefix list of a managed endpoint."


def rule_problems(entry: Mapping[str, Any], resource: Resource) -> Iterator[str]:
    """What one security group rule opens beyond the estate, in any of the three ways to write rules."""
    for key in ("cidrBlocks", "cidrIpv4", "cidrBlock"):
        for cidr in items(entry.get(key)):
            if not inside(cidr, resource.estate.ranges):
                yield f"{key} holds {cidr!r}, which is not inside the estate"
    for key in ("ipv6CidrBlocks", "cidrIpv6", "ipv6CidrBlock"):
        if list(items(entry.get(key) or None)):
            yield f"{key} is set"
    for key in ("securityGroups", "sourceSecurityGroupId", "referencedSecurityGroupId"):
        for group in items(known(entry, key)):
            account, slash, _ = str(group).rpartition("/")
            if slash and account not in _peer_accounts(resource):
                yield f"{key} names a security group of account {account}"


def _peer_accounts(resource: Resource) -> set[str]:
    return {peer.account for peer in resource.estate.peers} | set(resource.estate.accounts)


@rule("aws:ec2/securityGroup:SecurityGroup", fix=_FIX, source=_SOURCE, severity="critical")
def egress_security_group_stays_inside(group: Resource) -> Iterator[str]:
    """A security group lets traffic flow inside the estate only."""
    for direction in ("egress", "ingress"):
        for path, entry in each(group.props, direction):
            for problem in rule_problems(entry, group):
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
    """A stand-alone security group rule lets traffic flow inside the estate only."""
    yield from rule_problems(entry.props, entry)


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
    fix="Allow ranges of the estate only.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html",
)
def egress_network_acl_stays_inside(acl: Resource) -> Iterator[str]:
    """A network ACL allows traffic inside the estate only."""
    for direction in ("egress", "ingress"):
        for path, entry in each(acl.props, direction):
            if str(entry.get("action")).lower() == "allow":
                for problem in rule_problems(entry, acl):
                    yield f"{path}: {problem}"


@rule(
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl",
    fix="Associate subnets with an ACL of their own.",
    source="https://docs.aws.amazon.com/vpc/latest/userguide/default-network-acl.html",
)
def egress_default_network_acl_has_no_subnets(acl: Resource) -> Iterator[str]:
    """No subnet is left on the default network ACL by name."""
    if list(items(known(acl.props, "subnetIds"))):
        yield "subnetIds is not empty"


RULES: tuple[Rule, ...] = (
    egress_security_group_stays_inside,
    egress_security_rule_stays_inside,
    egress_default_security_group_is_empty,
    egress_network_acl_stays_inside,
    egress_default_network_acl_has_no_subnets,
)
