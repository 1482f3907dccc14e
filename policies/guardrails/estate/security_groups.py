"""What security groups let through by reference: groups and gateway endpoints of this stack only."""

from collections.abc import Iterator
from typing import Final

from ..addresses import is_storage_list
from ..findings import Resource, known, last_key
from ..rules import Rule, rule
from ..stack import Stack, count_unknown, identities, origins, values
from .network import is_gateway

_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
_EGRESS_RULE: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
_INGRESS_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
_GUIDE: Final = "https://docs.aws.amazon.com/vpc/latest/userguide/"

# (type, property that holds prefix lists).
_LISTS: Final = (
    (_GROUP, "egress.prefixListIds"),
    (_GROUP, "ingress.prefixListIds"),
    (_RULE, "prefixListIds"),
    (_EGRESS_RULE, "prefixListId"),
    (_INGRESS_RULE, "prefixListId"),
)
# (type, property that holds security groups).
_GROUPS: Final = (
    (_GROUP, "egress.securityGroups"),
    (_GROUP, "ingress.securityGroups"),
    (_RULE, "sourceSecurityGroupId"),
    (_EGRESS_RULE, "referencedSecurityGroupId"),
    (_INGRESS_RULE, "referencedSecurityGroupId"),
)
# A cluster makes a security group of its own.
_GROUP_MAKERS: Final = (_GROUP, "aws:eks/cluster:Cluster")


@rule(
    _GROUP,
    _RULE,
    _EGRESS_RULE,
    _INGRESS_RULE,
    fix="Pass prefixListId of the S3 gateway endpoint of this stack.",
    source=f"{_GUIDE}working-with-aws-managed-prefix-lists.html",
    severity="critical",
)
def estate_prefix_lists_are_of_endpoints(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """A prefix list in a security group is S3's own or comes from a gateway endpoint: others hold any address."""
    gateways = [endpoint for endpoint in stack.of(_ENDPOINT) if is_gateway(endpoint)]
    urns = {gateway.urn for gateway in gateways}
    listed = {value for gateway in gateways if isinstance(value := known(gateway.props, "prefixListId"), str)}
    for token, key in _LISTS:
        for resource in stack.of(token):
            sources = origins(resource, key)
            if count_unknown(resource, key) and not any(source.urn in urns for source in sources):
                yield resource, f"{key} is not known and comes from no gateway endpoint of this stack"
            # Which of an element's sources gave the list cannot be told, so none of them may have another.
            elif count_unknown(resource, key) and (strange := _strange(sources, urns)):
                yield resource, f"{key} is not known and also comes from {strange.name}, which is no gateway endpoint"
            for value in sorted(set(values(resource, key)) - listed):
                if not is_storage_list(value, resource.region, resource.estate):
                    yield resource, f"{key} {value} is neither S3's nor a gateway endpoint's of this stack"


def _strange(sources: tuple[Resource, ...], gateways: set[str]) -> Resource | None:
    """The first source that could have given a prefix list and is no gateway endpoint."""
    harmless = (*_GROUP_MAKERS, "aws:ec2/subnet:Subnet", "aws:ec2/vpc:Vpc")
    return next((source for source in sources if source.urn not in gateways and source.type not in harmless), None)


@rule(
    _GROUP,
    _RULE,
    _EGRESS_RULE,
    _INGRESS_RULE,
    fix="Pass the id of a security group of this stack, or name a peer's as account/id.",
    source=f"{_GUIDE}security-group-rules.html",
)
def estate_named_groups_are_managed(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """A security group that a rule names is one of this stack, its cluster's, or a peer's by account and id."""
    makers = [maker for kind in _GROUP_MAKERS for maker in stack.of(kind)]
    owned = set().union(*(identities(maker) for maker in makers))
    owned |= {leaf for maker in makers for path, leaf in maker.leaves if last_key(path) == "clusterSecurityGroupId"}
    for token, key in _GROUPS:
        for resource in stack.of(token):
            # A peer's group, account/id, is judged by its account in the resource's own rule.
            named = {value for value in values(resource, key) if "/" not in value}
            proved = [source for source in origins(resource, key) if source.type in _GROUP_MAKERS]
            strangers = sorted(named - owned)
            if count_unknown(resource, key) and not proved:
                yield resource, f"{key} is not known and comes from no managed security group"
            elif len(strangers) > sum(1 for source in proved if not (identities(source) & named)):
                yield resource, f"{key} {', '.join(strangers)} is not of this stack"


RULES: tuple[Rule, ...] = (estate_prefix_lists_are_of_endpoints, estate_named_groups_are_managed)
