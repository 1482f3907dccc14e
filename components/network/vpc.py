"""The sealed VPC: private subnets in every zone, and no way out of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import Output, ResourceOptions

from components.network.layout import ZoneLayout
from components.settings.network import Network

PEER_PORTS: Final = (443, 8443)
"""What peers may reach: endpoints and the cluster's API, and the gateway."""


@dataclass(frozen=True, kw_only=True)
class VpcArgs:
    """What the VPC is made of.

    Attributes:
        region: where it lies.
        network: its range, and the ranges that may reach it.
        zones: zone -> its subnets.
    """

    region: str
    network: Network
    zones: Mapping[str, ZoneLayout]


class Vpc(pulumi.ComponentResource):
    """A VPC without internet gateway, NAT or IPv6; what AWS creates open by default is emptied.

    Outputs:
        vpc_id: str.
        subnet_ids: zone -> subnet of nodes and pods.
        endpoint_subnet_ids: zone -> subnet of endpoints and of the control plane's interfaces.
        route_table_ids: zone -> its only route table.
    Source: VPC User Guide, "Block public access to VPCs and subnets" and "Default route table".
    """

    vpc_id: Output[str]
    subnet_ids: dict[str, Output[str]]
    endpoint_subnet_ids: dict[str, Output[str]]
    route_table_ids: dict[str, Output[str]]

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
            cidr_block=args.network.cidr,
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
        self.subnet_ids, self.endpoint_subnet_ids, self.route_table_ids = {}, {}, {}
        for zone, place in args.zones.items():
            table = aws.ec2.RouteTable(f"{name}-routes-{zone}", vpc_id=vpc.id, opts=child)
            self.route_table_ids[zone] = table.id
            self.subnet_ids[zone] = self._subnet(f"{name}-nodes-{zone}", vpc.id, zone, place.node_cidr, table.id)
            self.endpoint_subnet_ids[zone] = self._subnet(
                f"{name}-endpoints-{zone}", vpc.id, zone, place.endpoint_cidr, table.id
            )
        self._acl(f"{name}-acl", vpc.id, args.network)
        self.vpc_id = vpc.id
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "subnet_ids": self.subnet_ids,
                "endpoint_subnet_ids": self.endpoint_subnet_ids,
                "route_table_ids": self.route_table_ids,
            }
        )

    def _subnet(self, name: str, vpc_id: Output[str], zone: str, cidr: str, table_id: Output[str]) -> Output[str]:
        """One private subnet, bound to its zone's route table: the main table serves nobody."""
        child = ResourceOptions(parent=self)
        subnet = aws.ec2.Subnet(
            name,
            vpc_id=vpc_id,
            cidr_block=cidr,
            availability_zone=zone,
            map_public_ip_on_launch=False,
            assign_ipv6_address_on_creation=False,
            opts=child,
        )
        aws.ec2.RouteTableAssociation(name, subnet_id=subnet.id, route_table_id=table_id, opts=child)
        return subnet.id

    def _acl(self, name: str, vpc_id: Output[str], network: Network) -> None:
        """One stateless filter for every subnet: it knows the VPC and the peers, no other address."""
        peers = [peer.cidr for _, peer in sorted(network.peerings.items())]
        aws.ec2.NetworkAcl(
            name,
            vpc_id=vpc_id,
            subnet_ids=[*self.subnet_ids.values(), *self.endpoint_subnet_ids.values()],
            ingress=[
                aws.ec2.NetworkAclIngressArgs(
                    rule_no=100, action="allow", protocol="-1", cidr_block=network.cidr, from_port=0, to_port=0
                ),
                *(
                    aws.ec2.NetworkAclIngressArgs(
                        rule_no=200 + 10 * place + offset,
                        action="allow",
                        protocol="tcp",
                        cidr_block=cidr,
                        from_port=port,
                        to_port=port,
                    )
                    for place, cidr in enumerate(peers)
                    for offset, port in enumerate(PEER_PORTS)
                ),
            ],
            egress=[
                aws.ec2.NetworkAclEgressArgs(
                    rule_no=100, action="allow", protocol="-1", cidr_block=network.cidr, from_port=0, to_port=0
                ),
                *(
                    aws.ec2.NetworkAclEgressArgs(
                        rule_no=200 + 10 * place,
                        action="allow",
                        protocol="tcp",
                        cidr_block=cidr,
                        from_port=1024,
                        to_port=65535,
                    )
                    for place, cidr in enumerate(peers)
                ),
            ],
            opts=ResourceOptions(parent=self),
        )
