"""What every VPC must have beside it."""

from collections.abc import Iterator

from ..findings import Resource, each, known
from ..rules import Rule, rule
from ..stack import Stack, refers

_VPC = "aws:ec2/vpc:Vpc"
_SUBNET = "aws:ec2/subnet:Subnet"
_TABLE = "aws:ec2/routeTable:RouteTable"
_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
_DNS_RULE = "aws:route53/resolverFirewallRule:ResolverFirewallRule"
_DNS_LIST = "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList"
_DNS_ASSOCIATION = "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation"
_GUIDE = "https://docs.aws.amazon.com/vpc/latest/userguide/"
_DNS_GUIDE = "https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-dns-firewall.html"


@rule(
    _VPC,
    fix="Declare VpcBlockPublicAccessOptions with block-bidirectional.",
    source=f"{_GUIDE}security-vpc-bpa.html",
    severity="critical",
)
def estate_public_access_is_blocked(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Where there is a VPC, public access is blocked for its region."""
    options = stack.of("aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions")
    blocked = {option.region for option in options}
    for vpc in stack.of(_VPC):
        if vpc.region not in blocked:
            yield vpc, "VpcBlockPublicAccessOptions is missing for its region"


@rule(
    _VPC,
    fix="Adopt them with no rules: DefaultSecurityGroup and DefaultNetworkAcl.",
    source=f"{_GUIDE}default-security-group.html",
    severity="critical",
)
def estate_vpc_defaults_are_adopted(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """The default security group and network ACL of every VPC are adopted, because unmanaged ones allow everything."""
    for vpc in stack.of(_VPC):
        if not stack.pointing("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "vpcId", vpc):
            yield vpc, "its default security group is not adopted"
        if not stack.pointing("aws:ec2/defaultNetworkAcl:DefaultNetworkAcl", "defaultNetworkAclId", vpc):
            yield vpc, "its default network ACL is not adopted"


@rule(_SUBNET, fix="Associate it with a route table of this stack.", source=f"{_GUIDE}subnet-route-tables.html")
def estate_subnets_have_a_table(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Every subnet has a route table of this stack, not the VPC's main one."""
    for subnet in stack.of(_SUBNET):
        if not stack.pointing("aws:ec2/routeTableAssociation:RouteTableAssociation", "subnetId", subnet):
            yield subnet, "no route table is associated with it"


@rule(_SUBNET, fix="Put it into subnetIds of a NetworkAcl of this stack.", source=f"{_GUIDE}vpc-network-acls.html")
def estate_subnets_have_an_acl(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Every subnet has a network ACL of this stack, not the VPC's default one."""
    for subnet in stack.of(_SUBNET):
        if not stack.pointing("aws:ec2/networkAcl:NetworkAcl", "subnetIds", subnet):
            yield subnet, "no network ACL of this stack covers it"


@rule(_VPC, fix="Associate the DNS firewall's rule group with it.", source=_DNS_GUIDE, severity="critical")
def estate_vpc_has_a_dns_firewall(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Every VPC has the DNS firewall: names are the way out that security groups do not see."""
    for vpc in stack.of(_VPC):
        if not stack.pointing(_DNS_ASSOCIATION, "vpcId", vpc):
            yield vpc, "no DNS firewall is associated with it"


@rule(
    _DNS_ASSOCIATION,
    _DNS_RULE,
    fix="End the group with BLOCK on a list that holds `*`, and allow finite lists only.",
    source=_DNS_GUIDE,
    severity="critical",
)
def estate_dns_firewall_blocks_the_rest(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """The DNS firewall allows finite lists and its last rule blocks every other name."""
    rules = stack.of(_DNS_RULE)
    for entry in rules:
        if entry.get("action") == "ALLOW" and _lists_everything(stack, entry):
            yield entry, "it allows a list that holds *"
    groups = stack.of("aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup")
    for association in stack.of(_DNS_ASSOCIATION):
        used = [group for group in groups if group in stack.sources(association, "firewallRuleGroupId", group.type)]
        chain = sorted(
            (entry for group in used for entry in stack.pointing(_DNS_RULE, "firewallRuleGroupId", group)),
            key=lambda entry: float(known(entry.props, "priority") or 0),
        )
        if not chain or chain[-1].get("action") != "BLOCK" or not _lists_everything(stack, chain[-1]):
            yield association, "its group does not end with BLOCK on *"


def _lists_everything(stack: Stack, entry: Resource) -> bool:
    lists = stack.sources(entry, "firewallDomainListId", _DNS_LIST)
    return any("*" in [name for _, name in each(found.props, "domains")] for found in lists)


@rule(
    _TABLE,
    fix="Add it to routeTableIds of the S3 gateway endpoint.",
    source="https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html",
)
def estate_tables_lead_to_storage(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """Every route table has the S3 gateway endpoint, which costs nothing and whose policy guards what is read."""
    gateways = [endpoint for endpoint in stack.of(_ENDPOINT) if is_gateway(endpoint) and _is_of_s3(endpoint)]
    for table in stack.of(_TABLE):
        if not any(refers(endpoint, "routeTableIds", table) for endpoint in gateways):
            yield table, "no S3 gateway endpoint is on it"


def is_gateway(endpoint: Resource) -> bool:
    """Whether an endpoint is a gateway: AWS's own prefix list in route tables, no address in the VPC."""
    return (endpoint.get("vpcEndpointType") or "Gateway") == "Gateway"


def _is_of_s3(endpoint: Resource) -> bool:
    return str(known(endpoint.props, "serviceName")).endswith(".s3")


RULES: tuple[Rule, ...] = (
    estate_public_access_is_blocked,
    estate_vpc_defaults_are_adopted,
    estate_subnets_have_a_table,
    estate_subnets_have_an_acl,
    estate_vpc_has_a_dns_firewall,
    estate_dns_firewall_blocks_the_rest,
    estate_tables_lead_to_storage,
)
