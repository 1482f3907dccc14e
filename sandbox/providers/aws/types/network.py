"""VPCs, subnets, routes, address filters and security groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .kind import EC2_ARN, Kind

_RULE: Final = Kind(
    operation="ec2.AuthorizeSecurityGroupIngress",
    immutable=("securityGroupId",),
    outputs={"arn": EC2_ARN + "security-group-rule/{id}", "securityGroupRuleId": "{id}"},
)

NETWORK: Final[Mapping[str, Kind]] = {
    "aws:ec2/vpc:Vpc": Kind(
        operation="ec2.CreateVpc",
        immutable=("cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
        outputs={"arn": EC2_ARN + "vpc/{id}", "ownerId": "{account}"},
        defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
    ),
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation": Kind(
        operation="ec2.AssociateVpcCidrBlock",
        immutable=("vpcId", "cidrBlock", "ipv4IpamPoolId", "ipv4NetmaskLength"),
    ),
    "aws:ec2/subnet:Subnet": Kind(
        operation="ec2.CreateSubnet",
        immutable=("vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "outpostArn", "ipv6Native"),
        outputs={"arn": EC2_ARN + "subnet/{id}", "ownerId": "{account}"},
        defaults={"mapPublicIpOnLaunch": False, "assignIpv6AddressOnCreation": False},
    ),
    "aws:ec2/routeTable:RouteTable": Kind(
        operation="ec2.CreateRouteTable",
        immutable=("vpcId",),
        outputs={"arn": EC2_ARN + "route-table/{id}", "ownerId": "{account}"},
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Kind(
        operation="ec2.AssociateRouteTable", immutable=("subnetId", "gatewayId")
    ),
    "aws:ec2/route:Route": Kind(
        operation="ec2.CreateRoute",
        immutable=("routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"),
        outputs={"origin": "CreateRoute", "state": "active"},
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Kind(
        immutable=("vpcId",), outputs={"arn": EC2_ARN + "security-group/{id}", "ownerId": "{account}"}
    ),
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": Kind(
        immutable=("defaultNetworkAclId",), outputs={"arn": EC2_ARN + "network-acl/{id}", "ownerId": "{account}"}
    ),
    "aws:ec2/defaultRouteTable:DefaultRouteTable": Kind(
        immutable=("defaultRouteTableId",), outputs={"arn": EC2_ARN + "route-table/{id}", "ownerId": "{account}"}
    ),
    "aws:ec2/networkAcl:NetworkAcl": Kind(
        operation="ec2.CreateNetworkAcl",
        immutable=("vpcId",),
        outputs={"arn": EC2_ARN + "network-acl/{id}", "ownerId": "{account}"},
    ),
    "aws:ec2/vpcDhcpOptions:VpcDhcpOptions": Kind(
        immutable=("domainName", "domainNameServers", "netbiosNameServers", "netbiosNodeType", "ntpServers"),
        outputs={"arn": EC2_ARN + "dhcp-options/{id}", "ownerId": "{account}"},
    ),
    "aws:ec2/vpcDhcpOptionsAssociation:VpcDhcpOptionsAssociation": Kind(
        operation="ec2.AssociateDhcpOptions", immutable=("vpcId", "dhcpOptionsId"), id="{dhcpOptionsId}-{vpcId}"
    ),
    "aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions": Kind(
        operation="ec2.ModifyVpcBlockPublicAccessOptions",
        id="{region}",
        singleton=True,
        outputs={"awsAccountId": "{account}", "awsRegion": "{region}"},
    ),
    "aws:ec2/securityGroup:SecurityGroup": Kind(
        operation="ec2.CreateSecurityGroup",
        rename={"name": "GroupName"},
        immutable=("name", "namePrefix", "description", "vpcId"),
        name="name",
        outputs={"arn": EC2_ARN + "security-group/{id}", "ownerId": "{account}"},
        defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _RULE,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _RULE,
}
