"""Names: the DNS firewall answers only names of own services, because security groups do not filter the resolver."""

import re
from collections.abc import Iterator

from ..addresses import is_private_address, is_private_host, is_regional_aws_name
from ..arns import is_own_bucket
from ..facts import AWS_BUCKET, EKS_REGISTRY_ACCOUNTS, PRIVATE_SUFFIXES
from ..findings import Resource, each, given, known
from ..owner import Estate
from ..rules import Rule, rule

_SOURCE = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-dns-firewall.html"
_RULE = "aws:route53/resolverFirewallRule:ResolverFirewallRule"


@rule(_RULE, fix="Use INSPECT_REDIRECTION_DOMAIN.", source=_SOURCE)
def egress_dns_rule_inspects_redirections(entry: Resource) -> Iterator[str]:
    """A name that redirects to another is judged by both."""
    action = entry.get("firewallDomainRedirectionAction")
    if action not in (None, "", "INSPECT_REDIRECTION_DOMAIN"):
        yield f"firewallDomainRedirectionAction is {action!r}"


@rule(_RULE, fix="Leave qType out; use ALLOW or BLOCK.", source=_SOURCE)
def egress_dns_rule_covers_every_query(entry: Resource) -> Iterator[str]:
    """A DNS rule allows or blocks every type of query."""
    if entry.get("qType"):
        yield f"qType is {entry.get('qType')!r}"
    if entry.get("action") not in ("ALLOW", "BLOCK"):
        yield f"action is {entry.get('action')!r}"


@rule(_RULE, fix="Use blockResponse NXDOMAIN or NODATA.", source=_SOURCE)
def egress_dns_block_answers_nothing(entry: Resource) -> Iterator[str]:
    """A blocked name is answered with nothing, never with another name that leads elsewhere."""
    if entry.get("blockResponse") not in (None, "", "NXDOMAIN", "NODATA"):
        yield f"blockResponse is {entry.get('blockResponse')!r}"
    if entry.get("blockOverrideDomain"):
        yield f"blockOverrideDomain is {entry.get('blockOverrideDomain')!r}"


@rule(
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList",
    fix="List own names and names of AWS services in an allowed region; the blocked list holds `*` alone.",
    source=_SOURCE,
    severity="critical",
)
def egress_dns_list_is_finite(domains: Resource) -> Iterator[str]:
    """A list of names holds own names and AWS's regional names only, or the star alone."""
    listed = [str(name) for _, name in each(domains.props, "domains")]
    if listed == ["*"]:
        return
    for name in listed:
        if not _is_own_name(name, domains.estate):
            yield f"domains holds {name!r}"


def _is_own_name(name: str, estate: Estate) -> bool:
    host = name.rstrip(".").lower()
    bare = host.removeprefix("*.")
    if "*" in bare or not bare:
        return False
    if f".{bare}".endswith(PRIVATE_SUFFIXES):
        return True
    if not is_regional_aws_name(bare, estate) or _BALANCERS.search(bare):
        return False
    chosen = _CHOSEN_NAME.fullmatch(host)
    if chosen is None:
        return "*" not in host or _CLUSTERS.fullmatch(host) is not None
    return (
        is_own_bucket(chosen["owner"], estate)
        or chosen["owner"] in EKS_REGISTRY_ACCOUNTS
        or _is_of_aws(chosen["owner"])
    )


def _is_of_aws(bucket: str) -> bool:
    return AWS_BUCKET.fullmatch(f"arn:aws:s3:::{bucket}") is not None


# Below S3 and the registry customers choose the names: one of somebody else, or any, is a door to somebody else's data,
# and whoever can ask for `<anything>.s3…` sends anything out by the question alone.
_CHOSEN_NAME = re.compile(r"(?P<owner>.+)\.(s3|s3-accesspoint|dkr\.ecr)[.-](dualstack\.)?[a-z]+(-[a-z]+)+-\d\..+")
# Anybody's load balancer may have such a name.
_BALANCERS = re.compile(r"(^|\.)elb\.")
# A cluster's name begins with an id that EKS makes.
_CLUSTERS = re.compile(r"\*\.[a-z0-9-]+\.eks\.amazonaws\.(com|eu)")


@rule(
    "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation",
    fix="Set mutationProtection to ENABLED.",
    source=_SOURCE,
)
def egress_dns_firewall_is_protected(association: Resource) -> Iterator[str]:
    """The DNS firewall cannot be taken off a VPC by accident."""
    if association.get("mutationProtection") != "ENABLED":
        yield f"mutationProtection is {association.get('mutationProtection')!r}"


@rule(
    "aws:route53/resolverFirewallConfig:ResolverFirewallConfig", fix="Set firewallFailOpen to DISABLED.", source=_SOURCE
)
def egress_dns_firewall_fails_closed(config: Resource) -> Iterator[str]:
    """When the DNS firewall fails, no name is answered."""
    if config.get("firewallFailOpen") != "DISABLED":
        yield f"firewallFailOpen is {config.get('firewallFailOpen')!r}"


@rule(
    "aws:route53/resolverEndpoint:ResolverEndpoint",
    fix="Use direction INBOUND and resolverEndpointType IPV4.",
    source="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-overview-forward-vpc-to-network.html",
    severity="critical",
)
def egress_resolver_forwards_nothing(endpoint: Resource) -> Iterator[str]:
    """No resolver forwards queries to other networks, and it is asked over IPv4 only."""
    if endpoint.get("direction") != "INBOUND":
        yield f"direction is {endpoint.get('direction')!r}"
    if endpoint.get("resolverEndpointType") not in (None, "", "IPV4"):
        yield f"resolverEndpointType is {endpoint.get('resolverEndpointType')!r}"
    for path, address in each(endpoint.props, "ipAddresses"):
        if address.get("ipv6"):
            yield f"{path}.ipv6 is set"


@rule(
    "aws:route53/zone:Zone",
    fix="Associate the zone with a VPC.",
    source="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zones-private.html",
)
def egress_zone_is_private(zone: Resource) -> Iterator[str]:
    """A hosted zone is private."""
    if given(zone.props, "vpcs") == 0:
        yield "vpcs is empty, so the zone is public"


@rule(
    "aws:route53/record:Record",
    fix="Point the record to a private address or name.",
    source="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zones-private.html",
)
def egress_record_points_inside(record: Resource) -> Iterator[str]:
    """A record points to private addresses and names only."""
    kind = record.get("type")
    if kind == "TXT":
        return
    for path, value in each(record.props, "records"):
        good = is_private_address(value) if kind in ("A", "AAAA") else is_private_host(value, record.estate)
        if not good:
            yield f"{path} {value!r} is outside"
    for path, alias in each(record.props, "aliases"):
        # One that is not known yet is proved by the estate policy to be a managed endpoint's or balancer's.
        name = known(alias, "name")
        if name is not None and not is_private_host(name, record.estate):
            yield f"{path}.name {name!r} is outside"


@rule(
    "aws:route53/vpcAssociationAuthorization:VpcAssociationAuthorization",
    fix="Authorise the VPC of a peer in estate.yaml, in the peer's region.",
    source="https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-associate-vpcs-different-accounts.html",
    severity="critical",
)
def egress_zone_is_offered_to_peers(authorization: Resource) -> Iterator[str]:
    """A private zone is offered to VPCs of declared peers only."""
    vpc_id = authorization.get("vpcId")
    peers = [peer for peer in authorization.estate.peers if peer.vpc_id == vpc_id]
    if not peers:
        yield f"vpcId {vpc_id!r} is not a peer's in the estate"
    elif authorization.get("vpcRegion") not in (None, "", peers[0].region):
        yield f"vpcRegion is {authorization.get('vpcRegion')!r}, and peer {peers[0].name} lies in {peers[0].region}"


RULES: tuple[Rule, ...] = (
    egress_dns_rule_inspects_redirections,
    egress_dns_rule_covers_every_query,
    egress_dns_block_answers_nothing,
    egress_dns_list_is_finite,
    egress_dns_firewall_is_protected,
    egress_dns_firewall_fails_closed,
    egress_resolver_forwards_nothing,
    egress_zone_is_private,
    egress_record_points_inside,
    egress_zone_is_offered_to_peers,
)
