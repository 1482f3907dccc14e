"""What leads out of a VPC: endpoints, peerings, endpoint services and VPNs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .kind import EC2_ARN, Kind

CONNECTIONS: Final[Mapping[str, Kind]] = {
    "aws:ec2/vpcEndpoint:VpcEndpoint": Kind(
        operation="ec2.CreateVpcEndpoint",
        immutable=("vpcId", "serviceName", "vpcEndpointType", "serviceRegion", "resourceConfigurationArn"),
        outputs={"arn": EC2_ARN + "vpc-endpoint/{id}", "ownerId": "{account}", "state": "available"},
        defaults={"vpcEndpointType": "Gateway"},
    ),
    "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy": Kind(immutable=("vpcEndpointId",)),
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": Kind(
        operation="ec2.CreateVpcPeeringConnection",
        immutable=("vpcId", "peerVpcId", "peerOwnerId", "peerRegion"),
    ),
    "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": Kind(immutable=("vpcPeeringConnectionId",)),
    "aws:ec2/vpcEndpointService:VpcEndpointService": Kind(
        operation="ec2.CreateVpcEndpointServiceConfiguration",
        outputs={"arn": EC2_ARN + "vpc-endpoint-service/{id}"},
    ),
    "aws:ec2/vpnGateway:VpnGateway": Kind(
        operation="ec2.CreateVpnGateway",
        immutable=("amazonSideAsn", "availabilityZone"),
        outputs={"arn": EC2_ARN + "vpn-gateway/{id}"},
    ),
    "aws:ec2/customerGateway:CustomerGateway": Kind(
        operation="ec2.CreateCustomerGateway",
        immutable=("bgpAsn", "bgpAsnExtended", "certificateArn", "deviceName", "ipAddress", "type"),
        outputs={"arn": EC2_ARN + "customer-gateway/{id}"},
    ),
    "aws:ec2/vpnConnection:VpnConnection": Kind(
        operation="ec2.CreateVpnConnection",
        rename={"presharedKeyStorage": "PreSharedKeyStorage"},
        immutable=(
            "type",
            "enableAcceleration",
            "outsideIpAddressType",
            "presharedKeyStorage",
            "staticRoutesOnly",
            "transportTransitGatewayAttachmentId",
            "tunnelInsideIpVersion",
            *(f"tunnel{number}Inside{family}" for number in (1, 2) for family in ("Cidr", "Ipv6Cidr")),
        ),
        outputs={"arn": EC2_ARN + "vpn-connection/{id}"},
        defaults={"presharedKeyStorage": "Standard", "tunnelInsideIpVersion": "ipv4"},
    ),
    "aws:ec2/vpnConnectionRoute:VpnConnectionRoute": Kind(
        operation="ec2.CreateVpnConnectionRoute", immutable=("destinationCidrBlock", "vpnConnectionId")
    ),
}
