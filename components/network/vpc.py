"""The sealed VPC: private IPv4 ranges, its own names, and nothing of what AWS opens by default."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions


@dataclass(frozen=True, kw_only=True)
class VpcArgs:
    """What the VPC is made of.

    Attributes:
        region: where it lies.
        cidr: its range.
        pod_cidr: a second range for pods, or None.
    """

    region: str
    cidr: str
    pod_cidr: str | None


class Vpc(pulumi.ComponentResource):
    """A VPC without internet gateway, NAT or IPv6; what AWS creates open by default is emptied.

    Outputs:
        vpc_id: str, known once both ranges are joined.
    Source: VPC User Guide, "Block public access to VPCs and subnets" and "Default route table".
    """

    vpc_id: Output[str]

    def __init__(self, name: str, args: VpcArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:Vpc", name, None, opts)
        child = ResourceOptions(parent=self)
        # Account and region wide, and deleting it means "off": a destroyed stack leaves it as it is.
        aws.ec2.VpcBlockPublicAccessOptions(
            f"{name}-public-access-block",
            internet_gateway_block_mode="block-bidirectional",
            region=args.region,
            opts=ResourceOptions(parent=self, retain_on_delete=True),
        )
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.cidr,
            region=args.region,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            opts=child,
        )
        aws.ec2.DefaultSecurityGroup(f"{name}-default-group", vpc_id=vpc.id, ingress=[], egress=[], opts=child)
        aws.ec2.DefaultRouteTable(
            f"{name}-default-routes", default_route_table_id=vpc.default_route_table_id, routes=[], opts=child
        )
        aws.ec2.DefaultNetworkAcl(
            f"{name}-default-acl",
            default_network_acl_id=vpc.default_network_acl_id,
            ingress=[],
            egress=[],
            opts=child,
        )
        dhcp = aws.ec2.VpcDhcpOptions(
            f"{name}-dhcp",
            domain_name=f"{args.region}.compute.internal",
            domain_name_servers=["AmazonProvidedDNS"],
            opts=child,
        )
        aws.ec2.VpcDhcpOptionsAssociation(f"{name}-dhcp", vpc_id=vpc.id, dhcp_options_id=dhcp.id, opts=child)
        self.vpc_id = vpc.id
        if args.pod_cidr is not None:
            pods = aws.ec2.VpcIpv4CidrBlockAssociation(
                f"{name}-pods", vpc_id=vpc.id, cidr_block=args.pod_cidr, opts=child
            )
            # Subnets of the second range wait until it is there.
            self.vpc_id = pods.vpc_id
        self.register_outputs({"vpc_id": self.vpc_id})
