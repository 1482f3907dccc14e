"""VPCs and subnets: private IPv4 only, own name resolution, public access blocked."""

from collections.abc import Iterator

from ..addresses import inside, is_private_host
from ..facts import AMAZON_DNS, AMAZON_TIME
from ..findings import Resource, each, known, names
from ..rules import Rule, rule

_VPC = "https://docs.aws.amazon.com/vpc/latest/userguide/"


@rule(
    "aws:ec2/vpc:Vpc", fix="Leave every IPv6 setting out.", source=f"{_VPC}configure-your-vpc.html", severity="critical"
)
def egress_vpc_has_no_ipv6(vpc: Resource) -> Iterator[str]:
    """A VPC has no IPv6 addresses: they are public."""
    for key in ("assignGeneratedIpv6CidrBlock", "ipv6CidrBlock", "ipv6IpamPoolId", "ipv6NetmaskLength"):
        if vpc.get(key):
            yield f"{key} is set"


@rule(
    "aws:ec2/vpc:Vpc",
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation",
    "aws:ec2/subnet:Subnet",
    fix="Use a range that estate.yaml lists under vpc_cidrs, as a literal; no IPAM pool.",
    source=f"{_VPC}vpc-cidr-blocks.html",
)
def egress_vpc_range_is_declared(resource: Resource) -> Iterator[str]:
    """The ranges of a VPC, also its second ones, and of its subnets are declared in the estate."""
    cidr = resource.get("cidrBlock")
    if not inside(cidr, resource.estate.vpc_cidrs):
        yield f"cidrBlock {cidr!r} is not inside the estate's vpc_cidrs"
    for key in ("ipv4IpamPoolId", "ipv4NetmaskLength"):
        if names(resource.props, key):
            yield f"{key} is set, so a pool chooses the range"


@rule("aws:ec2/vpc:Vpc", fix="Set enableDnsSupport and enableDnsHostnames to true.", source=f"{_VPC}vpc-dns.html")
def egress_vpc_resolves_endpoint_names(vpc: Resource) -> Iterator[str]:
    """A VPC resolves the names of AWS services to its own endpoints."""
    if vpc.get("enableDnsSupport") is False:
        yield "enableDnsSupport is false"
    if vpc.get("enableDnsHostnames") is not True:
        yield "enableDnsHostnames is not true"


@rule(
    "aws:ec2/subnet:Subnet",
    fix="Set mapPublicIpOnLaunch to false.",
    source=f"{_VPC}vpc-ip-addressing.html",
    severity="critical",
)
def egress_subnet_gives_no_public_address(subnet: Resource) -> Iterator[str]:
    """No subnet gives its machines public or customer-owned addresses."""
    for key in ("mapPublicIpOnLaunch", "mapCustomerOwnedIpOnLaunch", "customerOwnedIpv4Pool", "outpostArn"):
        if subnet.get(key):
            yield f"{key} is set"


@rule("aws:ec2/subnet:Subnet", fix="Leave every IPv6 setting out.", source=f"{_VPC}vpc-ip-addressing.html")
def egress_subnet_has_no_ipv6(subnet: Resource) -> Iterator[str]:
    """A subnet has no IPv6 addresses."""
    keys = ("assignIpv6AddressOnCreation", "ipv6CidrBlock", "ipv6Native", "enableDns64", "ipv6IpamPoolId")
    for key in keys:
        if subnet.get(key):
            yield f"{key} is set"


@rule(
    "aws:ec2/vpcDhcpOptions:VpcDhcpOptions",
    fix="Use AmazonProvidedDNS and 169.254.169.123.",
    source=f"{_VPC}VPC_DHCP_Options.html",
)
def egress_dhcp_names_amazon_servers(options: Resource) -> Iterator[str]:
    """Machines ask the VPC's own resolver and clock, behind the DNS firewall."""
    servers = [server for _, server in each(options.props, "domainNameServers")]
    if servers != [AMAZON_DNS]:
        yield f"domainNameServers is {servers}"
    domain = options.get("domainName")
    if domain and not is_private_host(f"x.{domain}", options.estate):
        yield f"domainName {domain!r} sends short names outside"
    for path, server in each(options.props, "ntpServers"):
        if server != AMAZON_TIME:
            yield f"{path} is {server!r}"
    if list(each(options.props, "netbiosNameServers")):
        yield "netbiosNameServers is set"


@rule(
    "aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions",
    fix="Set internetGatewayBlockMode to block-bidirectional.",
    source=f"{_VPC}security-vpc-bpa.html",
    severity="critical",
)
def egress_public_access_is_blocked(options: Resource) -> Iterator[str]:
    """Internet gateways are blocked in both directions, whoever attaches one."""
    if options.get("internetGatewayBlockMode") != "block-bidirectional":
        yield f"internetGatewayBlockMode is {options.get('internetGatewayBlockMode')!r}"


@rule(
    "aws:ec2/networkInterface:NetworkInterface",
    "aws:ec2/launchTemplate:LaunchTemplate",
    fix='Leave the setting out; associatePublicIpAddress is "false".',
    source="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html",
    severity="critical",
)
def egress_interface_is_private(resource: Resource) -> Iterator[str]:
    """A network interface has no public or IPv6 address and forwards nothing."""
    interfaces = (
        [("", resource.props)]
        if resource.type.endswith("NetworkInterface")
        else each(resource.props, "networkInterfaces")
    )
    for path, interface in interfaces:
        for key in _INTERFACE_KEYS:
            value = interface.get(key)
            if value and str(value).lower() not in ("false", "0", "0.0"):
                yield f"{path}.{key} is set".lstrip(".")
        if str(interface.get("sourceDestCheck")).lower() == "false":
            yield f"{path}.sourceDestCheck is false".lstrip(".")
        if names(interface, "networkInterfaceId") and known(interface, "networkInterfaceId"):
            yield f"{path}.networkInterfaceId names an unmanaged interface".lstrip(".")


_INTERFACE_KEYS = (
    "associatePublicIpAddress",
    "associateCarrierIpAddress",
    "enablePrimaryIpv6",
    "primaryIpv6",
    "ipv6AddressCount",
    "ipv6AddressListEnabled",
    "ipv6AddressLists",
    "ipv6Addresses",
    "ipv6PrefixCount",
    "ipv6Prefixes",
)

RULES: tuple[Rule, ...] = (
    egress_vpc_has_no_ipv6,
    egress_vpc_range_is_declared,
    egress_vpc_resolves_endpoint_names,
    egress_subnet_gives_no_public_address,
    egress_subnet_has_no_ipv6,
    egress_dhcp_names_amazon_servers,
    egress_public_access_is_blocked,
    egress_interface_is_private,
)
