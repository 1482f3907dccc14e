"""The road to places on premises: IPsec, fixed routes to declared ranges, nothing learned from the other side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, ResourceOptions

from components.catalog.names import Names
from components.settings.network import Vpn as VpnSettings

ASN: Final = "65000"
"""AWS wants a number even where no BGP is spoken."""
TUNNEL: Final[Mapping[str, Any]] = {
    "ike_versions": ["ikev2"],
    "phase1_encryption_algorithms": ["AES256-GCM-16"],
    "phase2_encryption_algorithms": ["AES256-GCM-16"],
    "phase1_integrity_algorithms": ["SHA2-384", "SHA2-512"],
    "phase2_integrity_algorithms": ["SHA2-384", "SHA2-512"],
    "phase1_dh_group_numbers": [20, 21],
    "phase2_dh_group_numbers": [20, 21],
    "startup_action": "add",
    "dpd_timeout_action": "restart",
}
"""Nothing weaker is negotiated. Source: Site-to-Site VPN User Guide, "Tunnel options"; BSI TR-02102-3."""


@dataclass(frozen=True, kw_only=True)
class VpnArgs:
    """Our end and theirs.

    Attributes:
        names: physical names of the platform.
        cidr: our range, what the tunnels carry.
        vpc_id: our VPC.
        places: name -> device and ranges on premises.
        route_table_ids: zone -> table of the subnets that those may reach.
        key_arn: encrypts what the tunnels report.
        retention_days: one of CloudWatch's values.
    """

    names: Names
    cidr: str
    vpc_id: Input[str]
    places: Mapping[str, VpnSettings]
    route_table_ids: Mapping[str, Input[str]]
    key_arn: Input[str]
    retention_days: int


class Vpn(pulumi.ComponentResource):
    """One VPN gateway with two tunnels to each place; routes exist for the declared ranges only and are not propagated.

    Outputs:
        connection_ids: place -> connection; its configuration for the device is fetched with this id.
    Source: Site-to-Site VPN User Guide, "Static and dynamic routing".
    """

    connection_ids: dict[str, Output[str]]

    def __init__(self, name: str, args: VpnArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("cloister:network:Vpn", name, None, opts)
        child = ResourceOptions(parent=self)
        gateway = aws.ec2.VpnGateway(f"{name}-gateway", vpc_id=args.vpc_id, opts=child)
        log = aws.cloudwatch.LogGroup(
            f"{name}-tunnels",
            name=args.names.log_group("vpn"),
            kms_key_id=args.key_arn,
            retention_in_days=args.retention_days,
            opts=child,
        )
        self.connection_ids = {}
        for place, vpn in args.places.items():
            connection = self._connection(f"{name}-{place}", gateway, vpn, args.cidr, log)
            self.connection_ids[place] = connection.id
            for cidr in vpn.cidrs:
                key = cidr.replace("/", "-")
                aws.ec2.VpnConnectionRoute(
                    f"{name}-{place}-static-{key}",
                    vpn_connection_id=connection.id,
                    destination_cidr_block=cidr,
                    opts=child,
                )
                for zone, table_id in args.route_table_ids.items():
                    aws.ec2.Route(
                        f"{name}-{place}-route-{zone}-{key}",
                        route_table_id=table_id,
                        destination_cidr_block=cidr,
                        gateway_id=gateway.id,
                        opts=child,
                    )
        self.register_outputs({"connection_ids": self.connection_ids})

    def _connection(
        self, name: str, gateway: aws.ec2.VpnGateway, vpn: VpnSettings, cidr: str, log: aws.cloudwatch.LogGroup
    ) -> aws.ec2.VpnConnection:
        child = ResourceOptions(parent=self)
        device = aws.ec2.CustomerGateway(
            f"{name}-device",
            type="ipsec.1",
            bgp_asn=ASN,
            ip_address=vpn.device_address,
            certificate_arn=vpn.certificate_arn,
            opts=child,
        )
        reports = {
            "cloudwatch_log_options": {
                "log_enabled": True,
                "log_group_arn": log.arn,
                "log_output_format": "json",
            }
        }
        tunnels: dict[str, Any] = {
            f"tunnel{number}_{option}": value
            for number in (1, 2)
            for option, value in {**TUNNEL, "log_options": reports}.items()
        }
        return aws.ec2.VpnConnection(
            f"{name}-connection",
            type="ipsec.1",
            vpn_gateway_id=gateway.id,
            customer_gateway_id=device.id,
            static_routes_only=True,
            local_ipv4_network_cidr=vpn.selector,
            remote_ipv4_network_cidr=cidr,
            # Pre-shared keys are made by AWS and stay in Secrets Manager: the stack's state never holds one.
            preshared_key_storage=None if vpn.certificate_arn else "SecretsManager",
            opts=child,
            **tunnels,
        )
